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
      'Watch the thermostat at work: the bundled model, real images over HTTP, a real drift midway.',
    )
    .option('--seconds <s>', 'how long', secondsOption, 40)
    .option('--port <port>', 'HTTP port, 0 for a free one', integerOption, 0)
    .option('--json', 'print one JSON summary on stdout at the end, and the progress on stderr')
    .addHelpText(
      'after',
      `
Examples:
  $ taustat demo
  $ taustat demo --seconds 90 --port 8080       and open http://127.0.0.1:8080 beside it
  $ taustat demo --seconds 30 --json

Midway every image loses half of its light. The thermostat notices that the activations have moved, answers dense while
it looks again, and applies the new threshold to as much of production as the comparisons have shown to be safe.`,
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
