import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';
import { Command } from 'commander';
import { messageOf, ServingError } from '../errors.ts';
import { AuditError, type ReplayedDecision, replay } from '../memory/replay.ts';
import { table } from './table.ts';

export function replayCommand(): Command {
  return new Command('replay')
    .description('Derive every decision of an audit log again from its evidence, and compare.')
    .argument('<audit.jsonl>', 'log that a server wrote, in its state folder')
    .option('--json', 'one JSON object per decision')
    .addHelpText(
      'after',
      `
Examples:
  $ taustat replay ~/.local/state/taustat/resnet-0123456789abcdef.audit.jsonl
  $ taustat replay audit.jsonl --json | jq 'select(.isSame | not)'

The exit code is 1 when a decision is not the one that its evidence leads to.`,
    )
    .action(async (path: string, flags: { readonly json?: true }) => run(path, flags.json === true));
}

async function run(path: string, isJson: boolean): Promise<void> {
  const decisions: ReplayedDecision[] = [];
  try {
    for await (const found of replay(createInterface({ input: createReadStream(path, 'utf8') }))) {
      decisions.push(found);
      if (isJson) process.stdout.write(`${JSON.stringify(found)}\n`);
    }
  } catch (error) {
    if (error instanceof AuditError) throw new ServingError('INVALID_REQUEST', `'${path}' ${error.message}`);
    throw new ServingError('FILE_NOT_FOUND', `'${path}' cannot be read: ${messageOf(error)}`);
  }
  const wrong = decisions.filter(({ isSame }) => !isSame);
  if (!isJson) process.stdout.write(textOf(decisions, wrong));
  if (wrong.length > 0) process.exitCode = 1;
}

function textOf(decisions: readonly ReplayedDecision[], wrong: readonly ReplayedDecision[]): string {
  const rows = decisions.map(({ line, logged, isSame }) => [
    String(line),
    new Date(logged.change.at).toISOString(),
    logged.state,
    productionText(logged.production),
    `${logged.change.reason}: ${logged.change.detail}`,
    isSame ? '' : 'DIFFERS',
  ]);
  const verdict =
    wrong.length === 0
      ? `${decisions.length} decisions, each derived again from its evidence to the last bit\n`
      : `${wrong.length} of ${decisions.length} decisions differ from what their evidence leads to\n`;
  return `${table(['line', 'time', 'state', 'production', 'why', ''], rows)}\n${verdict}`;
}

function productionText({ threshold, share, rest }: ReplayedDecision['logged']['production']): string {
  const at = (tau: number) => (tau === 0 ? 'dense' : `τ ${tau}`);
  return share === 1 ? at(threshold) : `${100 * share} % ${at(threshold)}, else ${at(rest)}`;
}
