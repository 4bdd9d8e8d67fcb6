#!/usr/bin/env node
import { Command, CommanderError } from 'commander';
import { analyzeCommand } from './cli/analyze.ts';
import { benchCommand } from './cli/bench.ts';
import { demoCommand } from './cli/demo.ts';
import { instrumentCommand } from './cli/instrument.ts';
import { replayCommand } from './cli/replay.ts';
import { serveCommand } from './cli/serve.ts';
import { stateCommand } from './cli/state.ts';
import { messageOf, ServingError } from './config/errors.ts';
import { VERSION } from './config/version.ts';

/** How long what an error has left behind may take to end by itself. */
const LEFTOVERS_MS = 1000;

const program = new Command('taustat')
  .description(
    'Serves ONNX models, prunes their activations while they serve, and proves that the answers still agree.',
  )
  .version(VERSION)
  .addCommand(serveCommand())
  .addCommand(demoCommand())
  .addCommand(analyzeCommand())
  .addCommand(instrumentCommand())
  .addCommand(benchCommand())
  .addCommand(replayCommand())
  .addCommand(stateCommand());
for (const command of [program, ...program.commands]) {
  command.exitOverride().configureOutput({
    outputError: (text, write) => write(`taustat: CONFIG_INVALID: ${inOneLine(text)}, see --help\n`),
  });
}

try {
  await program.parseAsync();
} catch (error) {
  if (error instanceof CommanderError) {
    process.exitCode = error.exitCode;
  } else {
    const code = error instanceof ServingError ? `${error.code}: ` : '';
    process.stderr.write(`taustat: ${code}${messageOf(error)}\n`);
    if (!(error instanceof ServingError) && error instanceof Error) process.stderr.write(`${error.stack}\n`);
    process.exitCode = 1;
    // Workers that were started already would keep alive what can never answer.
    setTimeout(() => process.exit(), LEFTOVERS_MS).unref();
  }
}

/** Commander's own errors, such as `error: unknown option '--prot'` and a suggestion on the next line. */
function inOneLine(text: string): string {
  return text
    .replace(/^error: /, '')
    .trim()
    .replace(/\.?\s*\n\s*/g, ' ')
    .replace(/\.$/, '');
}
