import { Command, InvalidArgumentError } from 'commander';
import { runDemo } from '../tools/demo/run.ts';
import { closingWords, DemoView } from '../tools/demo/view.ts';
import { integerOption, numberOption } from './options.ts';

interface DemoFlags {
  readonly seconds: number;
  readonly port: number;
  readonly json?: boolean;
}

export function demoCommand(): Command {
  return new Command('demo')
    .description(
      'Show the thermostat at work on the bundled model: real images over HTTP, and a drift midway.',
    )
    .option('--seconds <s>', 'length of the demo in seconds', secondsOption, 60)
    .option('--port <port>', 'HTTP port; 0: a free one', integerOption, 0)
    .option('--json', 'print one line of JSON on stdout at the end; progress goes to stderr')
    .addHelpText(
      'after',
      `
Examples:
  $ taustat demo
  $ taustat demo --seconds 90 --port 8080       then open http://127.0.0.1:8080
  $ taustat demo --seconds 30 --json

Midway every image loses half of its light. The thermostat notices that the activations have moved. It answers dense
while it looks for a new threshold, and prunes production again step by step, as comparisons show that it is safe.`,
    )
    .action(async (flags: DemoFlags) => {
      const interrupted = new AbortController();
      process.once('SIGINT', () => interrupted.abort());
      const view = new DemoView(flags.json ? process.stderr : process.stdout);
      const summary = await runDemo({
        seconds: flags.seconds,
        port: flags.port,
        onFrame: (frame) => view.show(frame),
        signal: interrupted.signal,
      });
      process.stdout.write(flags.json ? `${JSON.stringify(summary)}\n` : closingWords(summary));
    });
}

function secondsOption(text: string): number {
  const seconds = numberOption(text);
  if (seconds < 1) throw new InvalidArgumentError('expected at least 1.');
  return seconds;
}
