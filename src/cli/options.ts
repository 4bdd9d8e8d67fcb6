import { type Command, InvalidArgumentError, Option } from 'commander';
import { ServingError } from '../config/errors.ts';
import { MODES } from '../config/modes.ts';
import type { Config, ConfigInput } from '../config/schema.ts';
import { DEFAULT_SCHEME, SITE_SCHEMES } from '../config/site-schemes.ts';
import { loadConfig } from '../config/sources.ts';
import type { InputSource } from '../tools/inputs/recorded-inputs.ts';

/** A number, or an error that says what was expected. */
export function numberOption(text: string): number {
  const value = Number(text);
  if (text.trim() === '' || !Number.isFinite(value)) throw new InvalidArgumentError('expected a number.');
  return value;
}

export function integerOption(text: string): number {
  const value = numberOption(text);
  if (!Number.isInteger(value)) throw new InvalidArgumentError('expected a whole number.');
  return value;
}

/** Collects a repeated option. */
export function repeated(text: string, before: readonly string[] | undefined): string[] {
  return [...(before ?? []), text];
}

/** The options of commands that read recorded inputs. */
export function addInputOptions(command: Command, otherwise = ''): Command {
  return command
    .option(
      '--inputs <[name=]file>',
      `.npy file, one row per sample; repeatable, for several inputs; or one .npz file with all of them${otherwise}`,
      repeated,
    )
    .option(
      '--batch-axis <[name=]axis>',
      'axis of an input along which rows are stacked; repeatable (default: the dimension named like a batch, else 0)',
      repeated,
    )
    .option(
      '--state <input=output>',
      'recurrent state: the output feeds the input of the next run; repeatable',
      repeated,
    )
    .option(
      '--sequence <rows>',
      'rows of one sequence; each begins with the initial state (default: all rows)',
      countOption,
    );
}

export interface InputFlags {
  readonly inputs?: string[];
  readonly batchAxis?: string[];
  readonly state?: string[];
  readonly sequence?: number;
}

/** Where a command's inputs come from, by its flags. */
export function inputSource({ inputs, batchAxis, state, sequence }: InputFlags): InputSource {
  return { inputs, batchAxes: batchAxis, state, sequence };
}

/** A whole number from 1. */
export function countOption(text: string): number {
  const value = integerOption(text);
  if (value < 1) throw new InvalidArgumentError('expected a whole number from 1.');
  return value;
}

/** The options of every command that serves a model. */
export function addServingOptions(command: Command): Command {
  return command
    .option('--config <file>', 'file of settings, YAML or JSON (docs/configuration.md lists them)')
    .option('--name <name>', 'model name in URLs and metrics (default: the name of the file)')
    .option('--host <address>', 'address to listen on (default 127.0.0.1)')
    .option('--port <port>', 'HTTP port; 0: a free one (default 8080)', integerOption)
    .option('--grpc-port <port>', 'gRPC port; 0: a free one (default: no gRPC)', integerOption)
    .addOption(
      new Option(
        '--mode <mode>',
        'who sets the threshold: auto, fixed, observe or off (default auto)',
      ).choices(MODES),
    )
    .option('--threshold <tau>', 'threshold τ of --mode fixed', numberOption)
    .option(
      '--sampling <ratio>',
      'share of requests, 0–1, that are run again in the shadow (default 0.2)',
      numberOption,
    )
    .option(
      '--agreement <floor>',
      'objective: 1 − the mean loss that answers may have (default 0.99)',
      numberOption,
    )
    .addOption(
      new Option(
        '--policy <policy>',
        'how far the threshold rises: guarded or earliest (default guarded)',
      ).choices(['guarded', 'earliest']),
    )
    .option('--state-dir <folder>', 'folder of state and audit logs')
    .option('--no-state', 'keep nothing over restarts')
    .option('--store <url>', 'Redis that replicas share to learn together, such as redis://host:6379')
    .option(
      '--workers <count>',
      'worker threads per model (default: cores − 1, divided among the models)',
      integerOption,
    )
    .option(
      '--max-batch <rows>',
      'most rows that concurrent requests share in one run (default 1: none)',
      integerOption,
    )
    .option(
      '--sites <scheme>',
      `tensors that are pruned: ${SITE_SCHEMES.join(', ')} (default ${DEFAULT_SCHEME})`,
    )
    .option('--include <glob>', 'prune only sites with matching names; repeatable', repeated)
    .option('--exclude <glob>', 'never prune sites with matching names; repeatable', repeated)
    .option('--temperature <kind>', 'temperature in F: normalized or paper (default normalized)')
    .option('--rule <rule>', 'how the critical point is chosen: significant or paper (default significant)')
    .option('--token <token>', 'token that changes need; visible to everyone on this machine')
    .option(
      '--log-level <level>',
      'lowest level in the log: fatal, error, warn, info, debug or silent (default info)',
    );
}

export interface ServingFlags {
  readonly config?: string;
  readonly name?: string;
  readonly modelRepository?: string;
  readonly upstream?: string;
  readonly model?: string;
  readonly instrumented?: string;
  readonly host?: string;
  readonly port?: number;
  readonly grpcPort?: number;
  readonly processes?: number | 'auto';
  readonly mode?: string;
  readonly threshold?: number;
  readonly sampling?: number;
  readonly agreement?: number;
  readonly policy?: string;
  readonly stateDir?: string;
  readonly state: boolean;
  readonly store?: string;
  readonly workers?: number;
  readonly maxBatch?: number;
  readonly sites?: string;
  readonly include?: string[];
  readonly exclude?: string[];
  readonly temperature?: string;
  readonly rule?: string;
  readonly token?: string;
  readonly logLevel?: string;
}

/**
 * Settings from everywhere, flags last.
 *
 * @throws ServingError CONFIG_INVALID, also for a flag that would have no effect; FILE_NOT_FOUND.
 */
export function servingConfig(model: string | undefined, flags: ServingFlags): Config {
  const config = loadConfig(flags.config, process.env, settingsOf(model, flags));
  const { mode } = config.control;
  // A threshold in a file beside `--mode off` is no mistake: that is how one switches off.
  if (flags.threshold !== undefined && mode !== 'fixed')
    throw new ServingError(
      'CONFIG_INVALID',
      `--threshold: only mode fixed takes one, not ${mode}; add --mode fixed`,
    );
  return config;
}

/** @throws ServingError CONFIG_INVALID for the name of an instrumented model without that of the plain one. */
function upstreamModelsOf({ model, instrumented }: ServingFlags) {
  if (model !== undefined) return [{ name: model, ...(instrumented === undefined ? {} : { instrumented }) }];
  if (instrumented === undefined) return undefined;
  throw new ServingError('CONFIG_INVALID', '--instrumented: only with --model, the plain model');
}

/** Flags as settings; what was not given is undefined and leaves file and environment alone. */
function settingsOf(model: string | undefined, flags: ServingFlags): ConfigInput {
  return {
    model: { path: model, name: flags.name, repository: flags.modelRepository },
    upstream: { url: flags.upstream, models: upstreamModelsOf(flags) },
    server: {
      host: flags.host,
      port: flags.port,
      grpcPort: flags.grpcPort,
      processes: flags.processes,
    },
    runtime: { workers: flags.workers },
    batching: { maxBatch: flags.maxBatch },
    sites: { scheme: flags.sites, include: flags.include, exclude: flags.exclude },
    sampling: { ratio: flags.sampling },
    criticality: { temperature: flags.temperature, rule: flags.rule },
    agreement: { floor: flags.agreement },
    control: { mode: flags.mode, threshold: flags.threshold, token: flags.token, policy: flags.policy },
    store: { enabled: flags.state ? undefined : false, folder: flags.stateDir, url: flags.store },
    telemetry: { logLevel: flags.logLevel },
  } as ConfigInput;
}
