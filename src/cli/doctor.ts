import { writeFile } from 'node:fs/promises';
import { Command, Option } from 'commander';
import { messageOf, ServingError } from '../config/errors.ts';
import { DEFAULT_SCHEME, SITE_SCHEMES, type SiteScheme } from '../config/site-schemes.ts';
import { KERNELS, type KernelChoice } from '../runtime/local/native/addon.ts';
import { ProgressBar } from '../tools/analyze/progress-bar.ts';
import { checkedBatches, type Diagnosis, doctor, type Judged } from '../tools/doctor/doctor.ts';
import { table } from '../tools/table.ts';
import { addInputOptions, type InputFlags, inputSource, numberOption } from './options.ts';

interface DoctorFlags extends InputFlags {
  readonly threshold?: number;
  readonly batch: number[];
  readonly sites: SiteScheme;
  readonly kernels: KernelChoice;
  readonly json?: string;
}

export function doctorCommand(): Command {
  const command = new Command('doctor')
    .description('Tell in a minute what pruning would gain for a model on this machine, before it is served.')
    .argument('[model]', 'ONNX file (default: the bundled Fashion-MNIST CNN and its inputs)');
  return addInputOptions(command, ' (default: random numbers)')
    .option(
      '--threshold <tau>',
      'threshold to judge (default: the largest within the default objective)',
      numberOption,
    )
    .option('--batch <list>', 'rows per request; each is timed by itself', batchOption, [1, 16])
    .addOption(
      new Option('--sites <scheme>', 'tensors that are pruned').choices(SITE_SCHEMES).default(DEFAULT_SCHEME),
    )
    .addOption(
      new Option('--kernels <name>', 'instructions to use').choices(['auto', ...KERNELS]).default('auto'),
    )
    .option('--json <file>', "write the result as JSON; '-': print only that")
    .addHelpText(
      'after',
      `
Examples:
  $ taustat doctor                                             the bundled model
  $ taustat doctor model.onnx --inputs x.npy
  $ taustat doctor model.onnx --inputs x.npy --threshold 0.1 --batch 1,8,32
  $ taustat doctor model.onnx --inputs recorded.npz --json - | jq .speedup
  $ taustat doctor rnn.onnx --inputs x.npy --state h=h_next

Whole runs are timed on one thread, plain and with layers that skip zeros, in the order A B B A. Keep the rest of the
machine idle. Random inputs say little of zeros and sparsity: give recorded ones. A model with a fixed batch is timed at
that, recorded requests as they came; taustat analyze --help says how inputs are laid out.`,
    )
    .action(async (model: string | undefined, flags: DoctorFlags) => run(model, flags));
}

async function run(model: string | undefined, flags: DoctorFlags): Promise<void> {
  const { threshold, batch, sites: scheme, kernels, json } = flags;
  const progress = new ProgressBar(process.stderr);
  const diagnosis = await doctor({
    model,
    ...inputSource(flags),
    threshold,
    batches: checkedBatches(batch),
    scheme,
    kernels,
    onProgress: (step) => progress.show(step),
  }).finally(() => progress.clear());
  if (json === '-') {
    process.stdout.write(`${JSON.stringify(diagnosis)}\n`);
    return;
  }
  process.stdout.write(summary(diagnosis));
  if (json !== undefined)
    await writeFile(json, `${JSON.stringify(diagnosis, null, 1)}\n`).catch((error: unknown) => {
      throw new ServingError('FILE_NOT_FOUND', `'${json}' cannot be written: ${messageOf(error)}`);
    });
}

const JUDGED: Readonly<Record<Judged, string>> = {
  given: '',
  objective: ', the largest within the default objective',
  critical: ', the critical one: answers cannot be judged',
  none: '',
};

function summary(diagnosis: Diagnosis): string {
  const { model, inputs, threshold, judged, sites, batches, layers, kernels, advice } = diagnosis;
  const sparse = layers.filter(({ isSparse }) => isSparse).length;
  const lines = [
    `model       ${model}, ${inputs} inputs`,
    `threshold   ${thresholdText(threshold, judged)}`,
    `kernels     ${kernels}`,
    `layers      ${sparse} of ${layers.length} run on these kernels in the fastest form`,
    ...batches.map(({ rows, plainMs, sparseMs, speedup: { ratio, low, high }, pays }) => {
      const size = `${rows} row${rows === 1 ? '' : 's'}`.padEnd(10);
      const times = `${plainMs.toFixed(3)} ms plain, ${sparseMs.toFixed(3)} ms sparse`;
      return `${size}  ${ratio.toFixed(2)} × (${low.toFixed(2)}–${high.toFixed(2)}), ${times}${pays ? '' : ': plain is served'}`;
    }),
    `advice      ${advice}`,
  ];
  const cells = sites.map(({ name, op, zeroRatio, sparsity, decision, why }) => [
    name,
    op,
    percent(zeroRatio),
    percent(sparsity),
    decision,
    why,
  ]);
  const head = ['site', 'operator', 'zeros', 'sparsity', 'decision', 'why'];
  return `${lines.join('\n')}\n${sites.length === 0 ? '' : `\n${table(head, cells)}`}`;
}

function thresholdText(threshold: number, judged: Judged): string {
  if (threshold > 0) return `${threshold.toPrecision(4)}${JUDGED[judged]}`;
  return `none${judged === 'objective' ? ' within the objective' : ''}: exact zeros only`;
}

function percent(ratio: number | null): string {
  return ratio === null ? '–' : `${(100 * ratio).toFixed(1)} %`;
}

function batchOption(text: string): number[] {
  return text.split(',').map(numberOption);
}
