#!/usr/bin/env node
import { Command, CommanderError } from 'commander';
import { analyzeCommand } from './cli/analyze.ts';
import { benchCommand } from './cli/bench.ts';
import { demoCommand } from './cli/demo.ts';
import { instrumentCommand } from './cli/instrument.ts';
import { serveCommand } from './cli/serve.ts';
import { messageOf, ServingError } from './errors.ts';
import { VERSION } from './version.ts';

const program = new Command('taustat')
  .description(
    'A thermostat for activation sparsity: prunes the activations of a live ONNX model, and proves it harmless.',
  )
  .version(VERSION)
  .addCommand(serveCommand())
  .addCommand(demoCommand())
  .addCommand(analyzeCommand())
  .addCommand(instrumentCommand())
  .addCommand(benchCommand())
  .showHelpAfterError('(run with --help for usage and examples)')
  .exitOverride();
for (const command of program.commands)
  command.exitOverride().showHelpAfterError('(run with --help for usage and examples)');

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
  }
}
