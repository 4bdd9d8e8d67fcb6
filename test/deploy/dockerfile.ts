import { read } from './files.ts';

export interface Instruction {
  readonly op: string;
  readonly text: string;
}

/** A stage of a Dockerfile, from its FROM on. */
export interface Stage {
  readonly name: string;
  readonly base: string;
  readonly instructions: readonly Instruction[];
}

/** The stages of deploy/Dockerfile, comments and line continuations resolved. */
export function stages(): Stage[] {
  const lines = read('deploy/Dockerfile')
    .replace(/^#.*\n/gm, '')
    .replace(/\\\n\s*/g, ' ')
    .split('\n')
    .filter((line) => line.trim() !== '');
  const found: { name: string; base: string; instructions: Instruction[] }[] = [];
  for (const line of lines) {
    const [, op, text] = /^(\w+)\s+(.*)$/.exec(line)!;
    const from = op === 'FROM' ? /^(\S+)(?: AS (\S+))?$/.exec(text!)! : undefined;
    if (from !== undefined) found.push({ name: from[2] ?? 'final', base: from[1]!, instructions: [] });
    else found.at(-1)?.instructions.push({ op: op!, text: text! });
  }
  return found;
}

/** The texts of an instruction, in a stage. */
export function texts(stage: Stage, op: string): string[] {
  return stage.instructions.filter((instruction) => instruction.op === op).map(({ text }) => text);
}

/** The environment that a stage sets. */
export function environment(stage: Stage): Record<string, string> {
  const pairs = texts(stage, 'ENV').flatMap((text) => text.split(/\s+/));
  return Object.fromEntries(pairs.map((pair) => pair.split('=', 2) as [string, string]));
}

/** The command of the image's health check. */
export function healthCommand(stage: Stage): string[] {
  return JSON.parse(texts(stage, 'HEALTHCHECK')[0]!.replace(/^.*?CMD /, '')) as string[];
}
