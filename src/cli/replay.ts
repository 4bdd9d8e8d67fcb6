import { basename } from 'node:path';
import { Command } from 'commander';
import { messageOf, ServingError } from '../config/errors.ts';
import { linesOf } from '../store/files/audit-lines.ts';
import { rotatedLogs } from '../store/files/rotated-logs.ts';
import { AuditError, type ReplayedDecision, replay } from '../store/replay.ts';
import { table } from '../tools/table.ts';

export function replayCommand(): Command {
  return new Command('replay')
    .description('Derive every decision of an audit log again from its evidence, and compare the two.')
    .argument('<audit.jsonl>', 'audit log in the state folder of a server')
    .option('--json', 'print one JSON object per decision')
    .addHelpText(
      'after',
      `
Examples:
  $ taustat replay ~/.local/state/taustat/resnet@1.myhost.audit.jsonl
  $ taustat replay resnet@1.myhost.audit.jsonl --json | jq 'select(.isSame | not)'

Older, rotated logs beside it, resnet@1.myhost.audit.TIME.jsonl, are read first.
The exit code is 1 when a decision does not follow from its evidence.`,
    )
    .action(async (path: string, flags: { readonly json?: true }) => run(path, flags.json === true));
}

interface FoundDecision extends ReplayedDecision {
  /** The log file that `line` is in. */
  readonly file: string;
}

async function run(path: string, isJson: boolean): Promise<void> {
  const decisions: FoundDecision[] = [];
  const wrong: FoundDecision[] = [];
  const log = new RotatedLog(path);
  try {
    for await (const decision of replay(log.lines())) {
      const found = { ...decision, ...log.placeOf(decision.line) };
      if (!found.isSame) wrong.push(found);
      if (isJson) process.stdout.write(`${JSON.stringify(found)}\n`);
      else decisions.push(found);
    }
  } catch (error) {
    if (!(error instanceof AuditError))
      throw new ServingError('FILE_NOT_FOUND', `'${path}' cannot be read: ${messageOf(error)}`);
    const { file, line } = log.placeOf(error.line);
    throw new ServingError('INVALID_REQUEST', `'${file}' line ${line}: ${error.what}`);
  }
  if (!isJson) process.stdout.write(textOf(decisions, wrong));
  if (wrong.length > 0) process.exitCode = 1;
}

/** A log and the rotated logs beside it, read as one: oldest first. */
class RotatedLog {
  readonly #path: string;
  readonly #begins: { readonly file: string; readonly before: number }[] = [];

  constructor(path: string) {
    this.#path = path;
  }

  async *lines(): AsyncGenerator<string> {
    let before = 0;
    for (const file of [...(await rotatedLogs(this.#path)), this.#path]) {
      this.#begins.push({ file, before });
      for await (const line of linesOf(file)) {
        before++;
        yield line;
      }
    }
  }

  /** @param line - counted over all files, from 1. @returns the same line, counted in its own file. */
  placeOf(line: number): { readonly file: string; readonly line: number } {
    const { file, before } = this.#begins.findLast((part) => part.before < line)!;
    return { file, line: line - before };
  }
}

function textOf(decisions: readonly FoundDecision[], wrong: readonly FoundDecision[]): string {
  const hasParts = new Set(decisions.map(({ file }) => file)).size > 1;
  const rows = decisions.map(({ file, line, logged, isSame }) => [
    hasParts ? `${basename(file)}:${line}` : String(line),
    new Date(logged.change.at).toISOString(),
    logged.state,
    productionText(logged.production),
    `${logged.change.reason}: ${logged.change.detail}`,
    isSame ? '' : 'DIFFERS',
  ]);
  const verdict =
    wrong.length === 0
      ? `${decisions.length} decisions, each derived again from its evidence, bit for bit\n`
      : `${wrong.length} of ${decisions.length} decisions do not follow from their evidence\n`;
  return `${table(['line', 'time', 'state', 'production', 'why', ''], rows)}\n${verdict}`;
}

function productionText({ threshold, share, rest }: ReplayedDecision['logged']['production']): string {
  const at = (tau: number) => (tau === 0 ? 'dense' : `τ ${tau}`);
  return share === 1 ? at(threshold) : `${100 * share} % ${at(threshold)}, else ${at(rest)}`;
}
