import { Command, CommanderError } from 'commander';
import { messageOf, ServingError } from '../config/errors.ts';
import { VERSION } from '../config/version.ts';
import { analyzeCommand } from './analyze.ts';
import { benchCommand } from './bench.ts';
import { demoCommand } from './demo.ts';
import { doctorCommand } from './doctor.ts';
import { instrumentCommand } from './instrument.ts';
import { recordCommand } from './record.ts';
import { replayCommand } from './replay.ts';
import { serveCommand } from './serve.ts';
import { stateCommand } from './state.ts';
import { topCommand } from './top.ts';

/** Exit codes: the command line or a setting is wrong; everything else that goes wrong. */
const USAGE = 2;
const FAILURE = 1;

/**
 * Runs one command line to its end. What went wrong is said on standard error, in one line.
 *
 * @param args - what follows `taustat`.
 * @returns 0, 2 for a command line or settings that cannot be, 1 for what fails; a command may have set `process.exitCode` by itself.
 */
export async function run(args: readonly string[]): Promise<number> {
  try {
    await program().parseAsync(args, { from: 'user' });
    return 0;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : USAGE;
    const code = error instanceof ServingError ? `${error.code}: ` : '';
    process.stderr.write(`taustat: ${code}${messageOf(error)}\n`);
    if (!(error instanceof ServingError) && error instanceof Error) process.stderr.write(`${error.stack}\n`);
    return isUsage(error) ? USAGE : FAILURE;
  }
}

/** A flag, a setting, or a file that is named there and is not there. */
function isUsage(error: unknown): boolean {
  return (
    error instanceof ServingError && (error.code === 'CONFIG_INVALID' || error.code === 'FILE_NOT_FOUND')
  );
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
    .addCommand(recordCommand())
    .addCommand(replayCommand())
    .addCommand(stateCommand())
    .addCommand(topCommand());
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
