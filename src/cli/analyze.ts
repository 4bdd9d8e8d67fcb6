import { writeFile } from 'node:fs/promises';
import { Command, InvalidArgumentError, Option } from 'commander';
import { messageOf, ServingError } from '../config/errors.ts';
import { DEFAULT_SCHEME, SITE_SCHEMES, type SiteScheme } from '../config/site-schemes.ts';
import type { Temperature } from '../criticality/free-energy.ts';
import type { Analysis, Rule } from '../tools/analyze/analysis.ts';
import { analyze } from '../tools/analyze/analyze.ts';
import { ProgressBar } from '../tools/analyze/progress-bar.ts';
import { htmlReport } from '../tools/analyze/report.ts';
import { FEATURE_HEAD, featureCells, findings } from '../tools/analyze/summary.ts';
import { table } from '../tools/table.ts';
import {
  addInputOptions,
  countOption,
  type InputFlags,
  inputSource,
  numberOption,
  repeated,
} from './options.ts';

interface AnalyzeFlags extends InputFlags {
  readonly labels?: string;
  readonly full?: boolean;
  readonly json?: string;
  readonly html?: string;
  readonly temperature: Temperature;
  readonly rule: Rule;
  readonly sites: SiteScheme;
  readonly include?: string[];
  readonly exclude?: string[];
  readonly thresholds?: number[];
  readonly steps?: number;
  readonly batch?: number;
  readonly limit?: number;
  readonly workers?: number;
}

export function analyzeCommand(): Command {
  const command = new Command('analyze')
    .description('Find the critical threshold of a model on recorded inputs, from one dense run of each.')
    .argument('[model]', 'ONNX file (default: the bundled Fashion-MNIST CNN and its inputs)');
  return addInputOptions(command)
    .option('--labels <file>', '.npy file, one class per row; adds accuracies')
    .option('--full', 'run the pruned model at every threshold, too')
    .option('--json <file>', "write the result as JSON; '-': print only that")
    .option('--html <file>', 'write a report with plots, as one HTML page')
    .addOption(
      new Option('--temperature <kind>', 'temperature in F: normalized, (mean |a|)/τ, or paper, 1/τ')
        .choices(['normalized', 'paper'])
        .default('normalized'),
    )
    .addOption(
      new Option(
        '--rule <rule>',
        'critical point: significant, the earliest significant feature, or paper, its plain rule',
      )
        .choices(['significant', 'paper'])
        .default('significant'),
    )
    .addOption(
      new Option('--sites <scheme>', 'tensors that are pruned').choices(SITE_SCHEMES).default(DEFAULT_SCHEME),
    )
    .option('--include <glob>', 'prune only sites with matching names; repeatable', repeated)
    .option('--exclude <glob>', 'never prune sites with matching names; repeatable', repeated)
    .option(
      '--thresholds <list>',
      'thresholds to evaluate, such as 0.1,0.2,0.5 (default: a linear grid)',
      thresholdsOption,
    )
    .option('--steps <count>', 'number of thresholds of the linear grid (default 40)', countOption)
    .option('--batch <rows>', 'most rows in one run (default 32)', countOption)
    .option('--limit <rows>', 'number of rows to use, from the first on (default: all)', countOption)
    .option('--workers <count>', 'worker threads (default: one per core)', countOption)
    .addHelpText(
      'after',
      `
Examples:
  $ taustat analyze                                            the bundled model
  $ taustat analyze model.onnx --inputs x.npy --labels y.npy --full --html report.html
  $ taustat analyze bert.onnx --inputs input_ids=ids.npy --inputs attention_mask=mask.npy
  $ taustat analyze model.onnx --inputs x.npy --thresholds 0.05,0.1,0.2 --json - | jq .renormalized
  $ taustat analyze model.onnx --inputs recorded.npz           requests of a server, see taustat record
  $ taustat analyze lstm.onnx --inputs x.npy --batch-axis x=1  [time, rows, features]
  $ taustat analyze rnn.onnx --inputs x.npy --state h=h_next --sequence 100

An array with one axis more than its input holds whole inputs of single runs. An array of fixed shape, such as a scalar, is
the same in every run where the input has no rows. Recurrent state begins at zero, or at what --inputs gives for it.

One dense run gives the free energy F at every threshold τ. The critical threshold τ* is the earliest significant feature
of F that is no pole: a pole marks an activation function instead of the network. "none" is a result: there is no such feature.`,
    )
    .action(async (model: string | undefined, flags: AnalyzeFlags) => run(model, flags));
}

async function run(model: string | undefined, flags: AnalyzeFlags): Promise<void> {
  const progress = new ProgressBar(process.stderr);
  const { sites: scheme, include, exclude, temperature, ...rest } = flags;
  const analysis = await analyze({
    ...rest,
    ...inputSource(flags),
    model,
    sites: { scheme, include, exclude },
    criticalPoint: { temperature },
    onProgress: (step) => progress.show(step),
  }).finally(() => progress.clear());
  if (flags.html !== undefined) await write(flags.html, htmlReport(analysis));
  if (flags.json === '-') process.stdout.write(`${JSON.stringify(analysis)}\n`);
  else {
    process.stdout.write(summary(analysis));
    if (flags.json !== undefined) await write(flags.json, `${JSON.stringify(analysis, null, 1)}\n`);
  }
}

function summary(analysis: Analysis): string {
  const head = findings(analysis)
    .map(([label, value]) => `${label.padEnd(32)}${value}\n`)
    .join('');
  if (analysis.features.length === 0) return head;
  return `${head}\n${table(FEATURE_HEAD, analysis.features.map(featureCells))}`;
}

async function write(path: string, text: string): Promise<void> {
  await writeFile(path, text).catch((error: unknown) => {
    throw new ServingError('FILE_NOT_FOUND', `'${path}' cannot be written: ${messageOf(error)}`);
  });
}

function thresholdsOption(text: string): number[] {
  const values = text.split(',').map(numberOption);
  if (values.some((value) => value <= 0)) throw new InvalidArgumentError('expected positive numbers.');
  return [...new Set(values)].sort((a, b) => a - b);
}
