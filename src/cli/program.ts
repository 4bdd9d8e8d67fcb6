import { Command, CommanderError } from 'commander';
import { messageOf, ServingError } from '../config/errors.ts';
import { VERSION } from '../config/version.ts';
import { analyzeCommand } from './analyze.ts';
import { benchCommand } from './bench.ts';
import { demoCommand } from './demo.ts';
import { doctorCommand } from './doctor.ts';
import { instrumentCommand } from './instrument.ts';
import { replayCommand } from './replay.ts';
import { serveCommand } from './serve.ts';
import { stateCommand } from './state.ts';

/**
 * Runs one command line to its end. What went wrong is said on standard error, in one line.
 *
 * @param args - what follows `taustat`.
 * @returns the exit code of an error or 0; a command may have set `process.exitCode` by itself.
 */
export async function run(args: readonly string[]): Promise<number> {
  try {
    await program().parseAsync(args, { from: 'user' });
    return 0;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode;
    const code = error instanceof ServingError ? `${error.code}: ` : '';
    process.stderr.write(`taustat: ${code}${messageOf(error)}\n`);
    if (!(error instanceof ServingError) && error instanceof Error) process.stderr.write(`${error.stack}\n`);
    return 1;
  }
}

function program(): Command {
  const taustat = new Command('taustat')
    .description(
      'Serves ONNX models, prunes their activations while they serve, and proves that the answers still agree.',
    )
    .version(VERSION)
    .addCommand(serveCommand())
    .addCommand(demoCommand())
    .addCommand(doctorCommand())
    .addCommand(analyzeCommand())
    .addCommand(instrumentCommand())
    .addCommand(benchCommand())
    .addCommand(replayCommand())
    .addCommand(stateCommand());
  for (const command of [taustat, ...taustat.commands]) {
    command.exitOverride().configureOutput({
      outputError: (text, write) => write(`taustat: CONFIG_INVALID: ${inOneLine(text)}, see --help\n`),
    });
  }
  return taustat;
}

/** Commander's own errors, such as `error: unknown option '--prot'` and a suggestion on the next line. */
function inOneLine(text: string): string {
  return text
    .replace(/^error: /, '')
    .trim()
    .replace(/\.?\s*\n\s*/g, ' ')
    .replace(/\.$/, '');
}
