import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import { type AuditLine, type Decision, isDecision } from '../audit.ts';

/** Bytes read from the end of a log: some hundreds of decisions with the evidence between them. */
const TAIL_BYTES = 1 << 20;

/** The latest decisions of an audit log, oldest first; empty without a log. @throws if the log cannot be read. */
export async function latestDecisions(path: string): Promise<Decision[]> {
  return (await tailOf(path)).flatMap((text) => {
    if (!text.includes('"kind":"decision"')) return [];
    const line = parsed(text);
    return line !== undefined && isDecision(line) ? [line] : [];
  });
}

/** The last lines; the first of them may be truncated. */
async function tailOf(path: string): Promise<string[]> {
  const handle = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK).catch(
    (error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return undefined;
      throw error;
    },
  );
  if (handle === undefined) return [];
  try {
    const { size } = await handle.stat();
    const tail = Buffer.alloc(Math.min(size, TAIL_BYTES));
    const { bytesRead } = await handle.read(tail, 0, tail.length, size - tail.length);
    return tail.toString('utf8', 0, bytesRead).split('\n');
  } finally {
    await handle.close();
  }
}

function parsed(text: string): AuditLine | undefined {
  try {
    return JSON.parse(text) as AuditLine;
  } catch {
    return undefined;
  }
}
