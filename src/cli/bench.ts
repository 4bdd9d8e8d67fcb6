import { writeFile } from 'node:fs/promises';
import { Command, InvalidArgumentError, Option } from 'commander';
import { bundledModel } from '../config/bundled-model.ts';
import { messageOf, ServingError } from '../config/errors.ts';
import { decodeModel } from '../onnx/model-file.ts';
import { modelSignature } from '../onnx/signature.ts';
import type { TensorSpec } from '../protocol/types.ts';
import { readModel } from '../runtime/local/load-model.ts';
import { type Arm, parseArms, referenceOf, type ServerSettings } from '../tools/bench/arms.ts';
import { compareArms } from '../tools/bench/comparison.ts';
import type { BenchContext } from '../tools/bench/context.ts';
import { environment } from '../tools/bench/environment.ts';
import { checkBatch, type WireForm } from '../tools/bench/infer-requests.ts';
import { measureOverhead } from '../tools/bench/overhead.ts';
import { measureOverload } from '../tools/bench/overload.ts';
import { type Protocol, parseProtocols } from '../tools/bench/protocol-clients.ts';
import { compareProtocols } from '../tools/bench/protocols.ts';
import {
  comparisonText,
  overheadText,
  overloadText,
  protocolsText,
  soakText,
} from '../tools/bench/report.ts';
import { soak } from '../tools/bench/soak.ts';
import { summarize } from '../tools/bench/summary.ts';
import type { InputRows } from '../tools/inputs/input-rows.ts';
import { recordedInputs } from '../tools/inputs/recorded-inputs.ts';
import { integerOption, numberOption, repeated } from './options.ts';

interface BenchFlags {
  readonly inputs?: string[];
  readonly arms: readonly Arm[];
  readonly batch: readonly number[];
  readonly rounds: number;
  readonly seconds: number;
  readonly settle: number;
  readonly connections: number;
  readonly protocol: WireForm;
  readonly sampling: number;
  readonly workers?: number;
  readonly config?: string;
  readonly protocols?: readonly Protocol[];
  readonly overhead?: true;
  readonly overload?: number | true;
  readonly soak?: number | true;
  readonly json?: string;
}

const SOAK_REQUESTS = 100_000;
const OVERHEAD_REQUESTS = 2000;
const OVERLOAD_SECONDS = 60;
const INTERRUPTED = 130;

export function benchCommand(): Command {
  return new Command('bench')
    .description('Measure a model under load: served plain, observed and pruned, in alternation.')
    .argument('[model]', 'ONNX file (default: the bundled Fashion-MNIST CNN and its inputs)')
    .option('--inputs <input=file.npy>', 'recorded inputs, one row per sample; repeatable', repeated)
    .option('--arms <list>', 'arms to compare: plain, observe, auto, batched', arms, [
      'plain',
      'observe',
      'auto',
    ])
    .option('--batch <list>', 'rows per request; each number is measured by itself', batches, [1, 16])
    .option(
      '--rounds <count>',
      'number of rounds; each runs every arm twice, forward and backward',
      positiveInteger,
      3,
    )
    .option('--seconds <s>', 'length of one run of one arm, in seconds', positive, 4)
    .option('--settle <s>', 'longest time in seconds that auto gets to find its threshold', positive, 60)
    .option(
      '--connections <count>',
      'number of connections, each with one request at a time',
      positiveInteger,
      8,
    )
    .addOption(
      new Option('--protocol <form>', 'form of the tensors').choices(['binary', 'json']).default('binary'),
    )
    .option(
      '--sampling <ratio>',
      'share of requests, 0–1, that observe and auto run again',
      numberOption,
      0.05,
    )
    .option('--workers <count>', 'worker threads of each server', positiveInteger)
    .option('--config <file>', 'file of further settings for each server, YAML or JSON')
    .option('--overhead', 'measure instead what HTTP adds to a bare run in a worker, at batch 1')
    .option(
      '--protocols <list>',
      'measure protocols instead: json, binary, grpc; the first is the reference',
      protocols,
    )
    .option(
      '--overload [seconds]',
      `measure overload instead: three times the capacity for so many seconds (${OVERLOAD_SECONDS}), and the recovery`,
      positive,
    )
    .option(
      '--soak [requests]',
      `measure memory instead, over so many requests (${SOAK_REQUESTS}) in auto`,
      positiveInteger,
    )
    .option('--json <file>', "write every figure as JSON; '-': print only that")
    .addHelpText(
      'after',
      `
Examples:
  $ taustat bench
  $ taustat bench --batch 1 --seconds 2 --rounds 1 --arms plain,auto
  $ taustat bench --arms plain,batched --batch 1 --connections 32
  $ taustat bench model.onnx --inputs x=x.npy --json report.json
  $ taustat bench --overhead
  $ taustat bench --protocols json,binary,grpc
  $ taustat bench --overload 60
  $ taustat bench --soak 100000 --json -

Each server is a process of its own. One is under load at a time, in the order A B C C B A, and ratios are taken within
a round. Keep the rest of the machine idle.`,
    )
    .action(async (model: string | undefined, flags: BenchFlags) => {
      const interrupted = new AbortController();
      const interrupt = () => interrupted.abort();
      process.once('SIGINT', interrupt).once('SIGTERM', interrupt);
      try {
        await bench(model, flags, interrupted.signal);
      } catch (error) {
        if (!interrupted.signal.aborted) throw error;
      } finally {
        process.off('SIGINT', interrupt).off('SIGTERM', interrupt);
      }
      if (!interrupted.signal.aborted) return;
      process.stderr.write('taustat: interrupted\n');
      process.exitCode = INTERRUPTED;
    });
}

async function bench(model: string | undefined, flags: BenchFlags, signal: AbortSignal): Promise<void> {
  const file = decodeModel(await readModel(model ?? bundledModel('model.onnx')));
  const specs = modelSignature(file).inputs;
  const rows = await recordedInputs({ inputs: specs, outputs: [] }, { model, inputs: flags.inputs });
  const { sampling, workers, config } = flags;
  const server: ServerSettings = { model, config, sampling, workers };
  const context: BenchContext = { signal, progress: (line) => process.stderr.write(`${line}\n`) };
  const { text, figures } = await measured(model, specs, rows, flags, server, context);
  if (signal.aborted) return;
  const json = `${JSON.stringify({ environment: environment(model), ...figures }, null, 2)}\n`;
  if (flags.json === '-') {
    process.stdout.write(json);
    return;
  }
  process.stdout.write(text);
  if (flags.json === undefined) return;
  await writeFile(flags.json, json).catch((error: unknown) => {
    throw new ServingError('FILE_NOT_FOUND', `'${flags.json}' cannot be written: ${messageOf(error)}`);
  });
}

async function measured(
  model: string | undefined,
  specs: readonly TensorSpec[],
  rows: InputRows,
  flags: BenchFlags,
  server: ServerSettings,
  context: BenchContext,
): Promise<{ text: string; figures: object }> {
  const { connections, protocol: form, rounds, seconds, batch: batches, arms } = flags;
  const isSingle = flags.overhead || flags.soak;
  for (const batch of isSingle ? [1] : batches) checkBatch(specs, rows.count, batch);
  if (flags.overhead) {
    const modelPath = model ?? bundledModel('model.onnx');
    const options = { requests: OVERHEAD_REQUESTS, rounds, modelPath, server };
    const overhead = await measureOverhead(rows, options, context);
    return { text: overheadText(overhead), figures: { overhead } };
  }
  if (flags.protocols !== undefined) {
    const settings = { protocols: flags.protocols, batches, rounds, seconds, connections, server };
    const compared = await compareProtocols(rows, settings, context);
    return { text: protocolsText(compared), figures: { settings, ...compared } };
  }
  if (flags.overload) {
    const overloadSeconds = flags.overload === true ? OVERLOAD_SECONDS : flags.overload;
    const overload = await measureOverload(
      rows,
      { batch: batches[0]!, seconds: overloadSeconds, form, server },
      context,
    );
    return { text: overloadText(overload), figures: { overload } };
  }
  if (flags.soak) {
    const requests = flags.soak === true ? SOAK_REQUESTS : flags.soak;
    const soaked = await soak(rows, { requests, connections, form, server }, context);
    return { text: soakText(soaked), figures: { soak: soaked } };
  }
  const options = { arms, batches, rounds, seconds, settleSeconds: flags.settle, connections, form, server };
  const comparison = await compareArms(rows, options, context);
  const reference = referenceOf(arms);
  const summaries = summarize(comparison.runs, reference);
  return {
    text: comparisonText(comparison, reference),
    figures: { settings: options, reference, summaries, ...comparison },
  };
}

function arms(text: string): readonly Arm[] {
  try {
    return parseArms(text);
  } catch (error) {
    throw new InvalidArgumentError(messageOf(error));
  }
}

function protocols(text: string): readonly Protocol[] {
  try {
    return parseProtocols(text);
  } catch (error) {
    throw new InvalidArgumentError(messageOf(error));
  }
}

function batches(text: string): number[] {
  return text.split(',').map(positiveInteger);
}

function positive(text: string): number {
  const value = numberOption(text);
  if (value <= 0) throw new InvalidArgumentError('expected a number above 0.');
  return value;
}

function positiveInteger(text: string): number {
  const value = integerOption(text);
  if (value < 1) throw new InvalidArgumentError('expected a whole number above 0.');
  return value;
}
