import { setTimeout as sleep } from 'node:timers/promises';
import { Command, InvalidArgumentError } from 'commander';
import { ServingError } from '../config/errors.ts';
import { Fleet, type FleetLook } from '../tools/top/fleet.ts';
import { fleetTable, TopView } from '../tools/top/view.ts';
import { numberOption } from './options.ts';

interface TopFlags {
  readonly url: readonly string[];
  readonly interval: number;
  readonly once?: boolean;
  readonly json?: boolean;
  readonly token?: string;
}

const DEFAULT_URLS: readonly string[] = ['http://127.0.0.1:8080'];

export function topCommand(): Command {
  return new Command('top')
    .description('Watch all models of running servers: state, share that is pruned, time, loss, requests.')
    .option('--url <url>', 'address of a server; repeatable', urlOption, DEFAULT_URLS)
    .option('--interval <seconds>', 'time between two looks', intervalOption, 2)
    .option('--once', 'look once and end; the exit code is 1 if a server does not answer')
    .option('--json', 'print every look as one line of JSON')
    .option('--token <token>', 'token of the servers (default: $TAUSTAT_CONTROL_TOKEN)')
    .addHelpText(
      'after',
      `
Examples:
  $ taustat top
  $ taustat top --url http://10.0.0.7:8080 --url http://10.0.0.8:8080
  $ taustat top --once --json | jq '.models[] | {model, state, exposure, speedup}'

Columns: pruned is the share of the answers at τ, β the share of activations that gates zero over all of production, time the
plain model's ÷ the time as served, loss that of compared answers against the dense model, allowed what the objective allows.`,
    )
    .action(run);
}

async function run({ url, interval, once, json, token }: TopFlags): Promise<void> {
  const fleet = new Fleet({ urls: url, token: token ?? process.env.TAUSTAT_CONTROL_TOKEN });
  const view = new TopView(process.stdout);
  const interrupted = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => interrupted.abort());
  const show = (look: FleetLook) => {
    if (json) process.stdout.write(`${JSON.stringify({ at: new Date().toISOString(), ...look })}\n`);
    else view.show(fleetTable(look, url.length > 1));
  };
  if (once) {
    const look = await fleet.look();
    show(look);
    if (look.silent.length > 0) process.exitCode = 1;
    return;
  }
  try {
    while (!interrupted.signal.aborted) {
      show(await fleet.look());
      await sleep(interval * 1000, undefined, { signal: interrupted.signal }).catch(() => undefined);
    }
  } finally {
    view.close();
  }
}

function urlOption(text: string, before: readonly string[]): readonly string[] {
  if (!URL.canParse(text)) throw new ServingError('CONFIG_INVALID', `--url '${text}': expected a URL`);
  return before === DEFAULT_URLS ? [text] : [...before, text];
}

function intervalOption(text: string): number {
  const seconds = numberOption(text);
  if (!(seconds >= 0.1)) throw new InvalidArgumentError('expected at least 0.1.');
  return seconds;
}
