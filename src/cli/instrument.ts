import { writeFile } from 'node:fs/promises';
import { Command, Option } from 'commander';
import { messageOf, ServingError } from '../config/errors.ts';
import { type GateSource, instrument } from '../onnx/instrument.ts';
import { THRESHOLD_INPUT } from '../onnx/names.ts';
import { readModel } from '../runtime/local/load-model.ts';
import { table } from '../tools/table.ts';
import { numberOption, repeated } from './options.ts';

interface InstrumentFlags {
  readonly output: string;
  readonly sites: 'activations' | 'linear-inputs';
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
    .requiredOption('-o, --output <file>', 'file to write')
    .addOption(
      new Option('--sites <scheme>', 'tensors that are pruned')
        .choices(['activations', 'linear-inputs'])
        .default('activations'),
    )
    .option('--include <glob>', 'prune only sites with matching names; repeatable', repeated)
    .option('--exclude <glob>', 'never prune sites with matching names; repeatable', repeated)
    .option('--threshold <tau>', `fixed threshold, instead of the input '${THRESHOLD_INPUT}'`, numberOption)
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

The gated model has one more input, '${THRESHOLD_INPUT}' float32 [S], one threshold per site in the order of the table.
Zeros give the answers of the original. The outputs 'taustat_tap_<i>' are the activations before the gates.`,
    )
    .action(async (model: string, flags: InstrumentFlags) => run(model, flags));
}

async function run(path: string, flags: InstrumentFlags): Promise<void> {
  const source = await readModel(path);
  const siteOptions = { scheme: flags.sites, include: flags.include, exclude: flags.exclude };
  const live = instrument(source, { ...siteOptions, taps: flags.taps });
  const { sites, skipped } = live;
  const { bytes } =
    flags.threshold === undefined
      ? live
      : instrument(source, { ...siteOptions, taps: flags.taps, gate: baked(flags.threshold, sites.length) });
  await writeFile(flags.output, bytes).catch((error: unknown) => {
    throw new ServingError('FILE_NOT_FOUND', `'${flags.output}' cannot be written: ${messageOf(error)}`);
  });
  if (flags.json === true) {
    const shown = sites.map(({ name, op, tensor, tap }) => ({
      name,
      op,
      tensor,
      ...(flags.taps ? { tap } : {}),
    }));
    process.stdout.write(`${JSON.stringify({ output: flags.output, sites: shown, skipped })}\n`);
    return;
  }
  const rows = [
    ...sites.map((site) => [String(site.index), site.name, site.op, 'gated']),
    ...skipped.map((site) => ['', site.name, site.op, `skipped: ${site.reason}`]),
  ];
  process.stdout.write(table(['#', 'site', 'op', 'decision'], rows));
  process.stdout.write(`\n${sites.length} gated, ${skipped.length} skipped → ${flags.output}\n`);
  if (sites.length === 0)
    process.stdout.write('The model has no site that can be pruned: the copy is unchanged.\n');
}

function baked(threshold: number, sites: number): GateSource {
  return { kind: 'baked', thresholds: new Array<number>(sites).fill(threshold) };
}
