import { writeFile } from 'node:fs/promises';
import { Command, Option } from 'commander';
import { messageOf, ServingError } from '../config/errors.ts';
import { DEFAULT_SCHEME, SITE_SCHEMES, type SiteScheme } from '../config/site-schemes.ts';
import { indexGraph } from '../onnx/graph.ts';
import { type GateSource, instrument } from '../onnx/instrument.ts';
import { decodeModel } from '../onnx/model-file.ts';
import { THRESHOLD_INPUT } from '../onnx/names.ts';
import type { Site, SkippedSite } from '../onnx/sites.ts';
import { linearOperators, NO_ZEROS } from '../onnx/sparse/operators.ts';
import { readModel } from '../runtime/local/load-model.ts';
import type { LayerReport } from '../runtime/local/plan-messages.ts';
import { ProgressBar } from '../tools/analyze/progress-bar.ts';
import {
  TARGETS,
  type Target,
  type WrittenTarget,
  writeTarget,
  writeUpstreamTarget,
} from '../tools/export/targets.ts';
import { table } from '../tools/table.ts';
import { numberOption, repeated } from './options.ts';

interface InstrumentFlags {
  readonly output: string;
  readonly target?: Target;
  readonly inputs?: string[];
  readonly name?: string;
  readonly servedFrom?: string;
  readonly sites?: SiteScheme;
  readonly include?: string[];
  readonly exclude?: string[];
  readonly threshold?: number;
  readonly taps: boolean;
  readonly json?: boolean;
}

export function instrumentCommand(): Command {
  return new Command('instrument')
    .description(
      'Write a copy of a model with gates that prune and outputs that show its activations, for any ONNX server.',
    )
    .argument('<model>', 'ONNX file')
    .requiredOption('-o, --output <file>', 'file to write; with --target the folder')
    .addOption(
      new Option(
        '--target <server>',
        'write a model that skips zeros, and its operators, for triton or onnxruntime; v2: one of standard operators, to stand behind serve --upstream',
      ).choices(TARGETS),
    )
    .option(
      '--inputs <[name=]file>',
      'with --target: .npy file, one row per sample, that the critical threshold and the fastest layers are found with; repeatable',
      repeated,
    )
    .option(
      '--name <name>',
      'with --target triton: name of the model (default: that of the file); with v2 (default: that and _taustat)',
    )
    .option('--served-from <folder>', 'with --target triton: where the server sees the folder')
    .addOption(
      new Option(
        '--sites <scheme>',
        `tensors that are pruned (default: activations; with --target ${DEFAULT_SCHEME}, as serve has it)`,
      ).choices(SITE_SCHEMES),
    )
    .option('--include <glob>', 'prune only sites with matching names; repeatable', repeated)
    .option('--exclude <glob>', 'never prune sites with matching names; repeatable', repeated)
    .option(
      '--threshold <tau>',
      `fixed threshold, instead of the input '${THRESHOLD_INPUT}'; with --target its default value`,
      numberOption,
    )
    .option('--no-taps', 'no outputs for the activations')
    .option('--json', 'print the sites as JSON')
    .addHelpText(
      'after',
      `
Examples:
  $ taustat instrument model.onnx -o gated.onnx
  $ taustat instrument model.onnx -o pruned.onnx --threshold 0.12 --no-taps
  $ taustat instrument model.onnx -o gated.onnx --exclude '*/layer4/*'
  $ taustat instrument model.onnx -o gated.onnx --json | jq '.sites[].name'
  $ taustat instrument model.onnx -o folder --target onnxruntime --inputs x.npy
  $ taustat instrument model.onnx -o models --target triton --threshold 0.12 --served-from /models
  $ taustat instrument model.onnx -o models --target v2 --name resnet_taustat

The gated model has one more input, '${THRESHOLD_INPUT}' float32 [S], one threshold per site in the order of the table.
Zeros give the answers of the original. The outputs 'taustat_tap_<i>' are the activations before the gates.

With --target v2, the folder is a model repository, which gets one more entry, to stand beside the plain model: any server of
the Open Inference Protocol v2 runs it, and taustat serve --upstream controls it. Its '${THRESHOLD_INPUT}' is [N,S], a row of
thresholds for each row of a batch, so that the server may join requests.

With --target triton or onnxruntime, layers skip zeros, so that pruning saves time: with --inputs those that were fastest here, else all that are
64 wide or wider. The folder gets the model, the library of its operators, and for Triton an entry of a model repository, for
ONNX Runtime a README.md with the lines of Python. Runs that send no '${THRESHOLD_INPUT}' take the threshold of --threshold,
else the critical one of the inputs.`,
    )
    .action(async (model: string, flags: InstrumentFlags) =>
      flags.target === undefined
        ? writeGated(model, flags)
        : flags.target === 'v2'
          ? writeUpstream(model, flags)
          : writeFor(flags.target, model, flags),
    );
}

async function writeUpstream(model: string, flags: InstrumentFlags): Promise<void> {
  const {
    output: folder,
    sites: scheme = DEFAULT_SCHEME,
    include,
    exclude,
    name,
    inputs,
    threshold,
    servedFrom,
  } = flags;
  refuse({ inputs, servedFrom }, '--target triton');
  refuse({ threshold }, '--target triton or onnxruntime');
  const written = await writeUpstreamTarget({ model, folder, name, sites: { scheme, include, exclude } });
  const { sites, skipped, files, unbatchable } = written;
  if (flags.json === true) {
    const shown = sites.map(({ name, op, tensor, tap }) => ({ name, op, tensor, tap }));
    const told = { output: folder, name: written.name, sites: shown, skipped, files };
    process.stdout.write(`${JSON.stringify({ ...told, unbatchable: unbatchable ?? null })}\n`);
    return;
  }
  process.stdout.write(siteTable(sites, skipped));
  if (unbatchable !== undefined)
    process.stdout.write(`\nThe server must not join requests, and thresholds are [S]: ${unbatchable}\n`);
  process.stdout.write(`\n${sites.length} gated, ${skipped.length} skipped\n${files.join('\n')}\n`);
}

async function writeFor(target: Exclude<Target, 'v2'>, model: string, flags: InstrumentFlags): Promise<void> {
  const {
    output: folder,
    sites: scheme = DEFAULT_SCHEME,
    include,
    exclude,
    inputs,
    threshold,
    name,
    servedFrom,
  } = flags;
  if (target !== 'triton') refuse({ name, servedFrom }, '--target triton');
  const progress = new ProgressBar(process.stderr);
  const written = await writeTarget({
    target,
    model,
    folder,
    name,
    servedFrom,
    inputs,
    threshold,
    sites: { scheme, include, exclude },
    onProgress: (step) => progress.show(step),
  }).finally(() => progress.clear());
  const { layers, files, sites } = written;
  if (flags.json === true) {
    const told = { output: folder, threshold: written.threshold, sites, layers, files };
    process.stdout.write(`${JSON.stringify({ ...told, batches: written.buckets })}\n`);
    return;
  }
  process.stdout.write(`${layerTable(layers, 'skips zeros')}\n${summaryOf(written)}${files.join('\n')}\n`);
}

function summaryOf({ layers, threshold, buckets }: WrittenTarget): string {
  const sparse = layers.filter(({ reason }) => reason === undefined).length;
  const times = buckets.map(
    ({ rows, speedup: { ratio, low, high } }) =>
      `${rows} row${rows === 1 ? '' : 's'}: ${ratio.toFixed(2)} × (${low.toFixed(2)}–${high.toFixed(2)})`,
  );
  return [
    `${sparse} of ${layers.length} layers skip zeros, τ ${Number(threshold.toPrecision(4))}`,
    ...(threshold === 0 ? ['No threshold: exact zeros only.'] : []),
    ...(times.length === 0 ? [] : [`Time saved on this machine, plain ÷ sparse: ${times.join(', ')}`]),
    ...(buckets.length === 0 || buckets.some(({ pays }) => pays)
      ? []
      : ['The plain model is as fast here: serve that.']),
    '',
  ].join('\n');
}

/** Linear layers, and why one stays dense; `sparse` is said of the others. */
function layerTable(layers: readonly LayerReport[], sparse: string): string {
  const rows = layers.map(({ name, op, reason }) => [
    name,
    op,
    reason === undefined ? sparse : 'dense',
    reason ?? '',
  ]);
  return table(['layer', 'op', 'form', 'reason'], rows);
}

/** @throws ServingError CONFIG_INVALID for a flag that would have no effect. */
function refuse(flags: Readonly<Record<string, unknown>>, without: string): void {
  const [given] = Object.entries(flags).find(([, value]) => value !== undefined) ?? [];
  if (given === undefined) return;
  const flag = given.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
  throw new ServingError('CONFIG_INVALID', `--${flag}: only with ${without}`);
}

async function writeGated(path: string, flags: InstrumentFlags): Promise<void> {
  const { inputs, name, servedFrom } = flags;
  refuse({ inputs, name, servedFrom }, '--target');
  const source = await readModel(path);
  const siteOptions = {
    scheme: flags.sites ?? 'activations',
    include: flags.include,
    exclude: flags.exclude,
  };
  const live = instrument(source, { ...siteOptions, taps: flags.taps });
  const { sites, skipped } = live;
  const { bytes } =
    flags.threshold === undefined
      ? live
      : instrument(source, { ...siteOptions, taps: flags.taps, gate: baked(flags.threshold, sites.length) });
  await writeFile(flags.output, bytes).catch((error: unknown) => {
    throw new ServingError('FILE_NOT_FOUND', `'${flags.output}' cannot be written: ${messageOf(error)}`);
  });
  const layers = layersOf(source, live.sites);
  if (flags.json === true) {
    const shown = sites.map(({ name, op, tensor, tap }) => ({
      name,
      op,
      tensor,
      ...(flags.taps ? { tap } : {}),
    }));
    process.stdout.write(`${JSON.stringify({ output: flags.output, sites: shown, skipped, layers })}\n`);
    return;
  }
  process.stdout.write(siteTable(sites, skipped));
  if (layers.length > 0) process.stdout.write(`\n${layerTable(layers, 'can skip zeros')}`);
  process.stdout.write(`\n${sites.length} gated, ${skipped.length} skipped → ${flags.output}\n`);
  if (sites.length === 0)
    process.stdout.write('The model has no site that can be pruned: the copy is unchanged.\n');
}

function siteTable(sites: readonly Site[], skipped: readonly SkippedSite[]): string {
  return table(
    ['#', 'site', 'op', 'decision'],
    [
      ...sites.map((site) => [String(site.index), site.name, site.op, 'gated']),
      ...skipped.map((site) => ['', site.name, site.op, `skipped: ${site.reason}`]),
    ],
  );
}

/** Which layers could skip zeros: those that `serve` tries, and --target writes. */
function layersOf(source: Uint8Array, sites: readonly Site[]): readonly LayerReport[] {
  const model = decodeModel(source);
  const { sparse, dense } = linearOperators(model, indexGraph(model), sites);
  const able = sparse.map(({ name, op, hasZeros }) => ({
    name,
    op,
    ...(hasZeros ? {} : { reason: NO_ZEROS }),
  }));
  return [...able, ...dense];
}

function baked(threshold: number, sites: number): GateSource {
  return { kind: 'baked', thresholds: new Array<number>(sites).fill(threshold) };
}
