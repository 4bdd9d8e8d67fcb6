import { availableParallelism } from 'node:os';
import { basename, dirname } from 'node:path';
import { bundledModel } from '../../config/bundled-model.ts';
import { ServingError } from '../../config/errors.ts';
import { DEFAULT_SCHEME } from '../../config/site-schemes.ts';
import { type LoadedModel, loadModel } from '../../runtime/local/load-model.ts';
import { WorkerRuntime } from '../../runtime/local/worker-runtime.ts';
import { recordedInputs } from '../inputs/recorded-inputs.ts';
import { type Analysis, type Answers, curveOf, type FullEvaluation, lossSummary } from './analysis.ts';
import { answerMeasure } from './answer-measure.ts';
import { assertClasses, scoresOutput, shareAlike } from './class-scores.ts';
import { type DensePass, densePass, siteHistograms } from './dense-pass.ts';
import { type PrunedPass, prunedPass, prunedPassWithPoint } from './full-pass.ts';
import { judgedThreshold } from './judged-threshold.ts';
import { recordedLabels } from './labels.ts';
import { objectiveLosses } from './objective-pass.ts';
import type { AnalyzeOptions, Progress } from './options.ts';
import { givesRows, IN_FLIGHT_PER_WORKER, type Passes } from './passes.ts';
import { featuresInFull, fullCurve, type Renormalized, renormalize, windowSeconds } from './renormalized.ts';
import { runsOf } from './schedule.ts';
import { analyzedSites } from './sites.ts';

const DEFAULT_BATCH = 32;
const REHEARSAL_MS = 300;

/**
 * Finds the critical threshold of a model on recorded inputs: one dense run gives F at every threshold; with `full`, the
 * pruned model is also run at every threshold.
 *
 * A model with no gateable site, or without any feature, has `critical: null`; that is a result.
 *
 * @throws ServingError FILE_NOT_FOUND, MODEL_INVALID, or INVALID_REQUEST for inputs, labels or options that do not fit.
 */
export async function analyze(options: AnalyzeOptions = {}): Promise<Analysis> {
  checkThresholds(options.thresholds);
  const path = options.model ?? bundledModel('model.onnx');
  const model = await loadModel(path, { scheme: DEFAULT_SCHEME, ...options.sites });
  const { inputs, outputs } = model.signature;
  const recorded = await recordedInputs({ inputs, outputs }, options);
  const labels = await recordedLabels(recorded.count, options);
  const rows = Math.min(recorded.count, options.limit ?? Number.POSITIVE_INFINITY);
  const batches = runsOf(recorded, rows, options.batch ?? DEFAULT_BATCH);
  const workers = options.workers ?? availableParallelism();
  const runtime = await WorkerRuntime.start(
    { ...model.setup, intraOpThreads: 1 },
    { workers, maxQueue: 1, maxShadowQueue: workers * IN_FLIGHT_PER_WORKER },
  );
  try {
    const scores = scoresOutput(outputs);
    const poles = model.sites.map(({ pole }) => pole);
    const asked = { runtime, rows: recorded, batches, sites: model.sites.length, poles };
    const hasScores = scores !== undefined && (await givesRows({ ...asked, outputs: [scores] }));
    if (labels !== undefined && !hasScores)
      throw new ServingError(
        'INVALID_REQUEST',
        'labels: the model has no output of class scores [rows, classes]',
      );
    const passes: Passes = { ...asked, outputs: hasScores ? [scores] : [] };
    const all = { ...passes, outputs: outputs.map(({ name }) => name) };
    const measure = await answerMeasure(all, model.softmaxOutputs);
    const { dense, ...analysis } = await analyzeModel(
      nameOf(path),
      model,
      passes,
      labels?.subarray(0, rows),
      options,
    );
    const objective = await objectiveLosses(all, dense, measure, analysis.critical, {
      onRows: (done, total) => options.onProgress?.({ step: 'objective', done, total }),
    });
    const { threshold, judged } = judgedThreshold({ ...analysis, measure, objective });
    const sites =
      options.sparsityAt === 'within'
        ? analyzedSites(model.sites, siteHistograms(dense), judged === 'none' ? undefined : threshold)
        : analysis.sites;
    return { ...analysis, sites, measure, objective, loss: lossSummary(measure, objective) };
  } finally {
    await runtime.close();
  }
}

async function analyzeModel(
  name: string,
  model: LoadedModel,
  passes: Passes,
  labels: Int32Array | undefined,
  options: AnalyzeOptions,
): Promise<Omit<Analysis, 'measure' | 'objective' | 'loss'> & { readonly dense: DensePass }> {
  const rows = passes.batches.at(-1)!.to;
  await rehearse(passes, options);
  const started = performance.now();
  const dense = await densePass(passes, options.thresholds ?? [], counted(options, 'dense', rows));
  const found = renormalize(dense, options);
  const renormalizedSeconds = secondsSince(started);
  if (labels !== undefined) assertClasses(labels, dense.classCount);

  const answers = await answersOf(passes, dense, labels, found, options);
  const fullStarted = performance.now();
  const full = options.full ? await evaluateFully(passes, dense, labels, found, options) : undefined;
  const fullSeconds = secondsSince(fullStarted);
  return {
    dense,
    model: name,
    rows,
    sites: analyzedSites(
      model.sites,
      siteHistograms(dense),
      typeof options.sparsityAt === 'number' ? options.sparsityAt : found.analysis.critical?.threshold,
    ),
    skippedSites: model.skipped.length,
    ...found.analysis,
    ...(full === undefined ? {} : { full }),
    ...(answers === undefined ? {} : { answers }),
    timings: {
      renormalizedSeconds,
      windowSeconds: windowSeconds(dense, options),
      ...(full === undefined ? {} : { fullSeconds }),
    },
  };
}

/**
 * The whole analysis on the first rows, again and again for a moment: what is compiled and allocated on first use belongs
 * to no timing.
 */
async function rehearse(passes: Passes, options: AnalyzeOptions): Promise<void> {
  const { workers } = passes.runtime.busy;
  const first = { ...passes, batches: passes.batches.slice(0, workers * IN_FLIGHT_PER_WORKER) };
  const started = performance.now();
  while (performance.now() - started < REHEARSAL_MS) {
    const dense = await densePass(first, options.thresholds ?? [], () => undefined);
    renormalize(dense, options);
    await prunedPass(first, 0, dense, undefined, () => undefined);
  }
}

async function answersOf(
  passes: Passes,
  dense: DensePass,
  labels: Int32Array | undefined,
  { analysis: { critical }, total }: Renormalized,
  options: AnalyzeOptions,
): Promise<Answers | undefined> {
  const denseAccuracy = labels === undefined ? {} : { denseAccuracy: shareAlike(dense.classes, labels) };
  if (critical === null) return labels === undefined ? undefined : denseAccuracy;
  const counter = counted(options, 'critical', dense.classes.length);
  const { retained, accuracy, agreement } = await prunedPass(
    passes,
    critical.threshold,
    dense,
    labels,
    counter,
  );
  return {
    ...denseAccuracy,
    ...(accuracy === undefined ? {} : { criticalAccuracy: accuracy }),
    ...(agreement === undefined ? {} : { criticalAgreement: agreement }),
    criticalSparsity: 1 - retained.count / total.count,
  };
}

async function evaluateFully(
  passes: Passes,
  dense: DensePass,
  labels: Int32Array | undefined,
  found: Renormalized,
  options: AnalyzeOptions,
): Promise<FullEvaluation> {
  const { thresholds } = found.analysis;
  const onRows = counted(options, 'full', passes.batches.at(-1)!.to * thresholds.length);
  const results: PrunedPass[] = [];
  const run = options.thresholds === undefined ? prunedPassWithPoint : prunedPass;
  for (const threshold of thresholds) results.push(await run(passes, threshold, dense, labels, onRows));
  return {
    ...fullCurve(found, results, options),
    ...(labels === undefined ? {} : { accuracy: curveOf(results.map((p) => p.accuracy!)) }),
    ...(dense.classes.length === 0 ? {} : { agreement: curveOf(results.map((p) => p.agreement!)) }),
    features: featuresInFull(found, results, dense, options),
  };
}

function counted(
  { onProgress }: AnalyzeOptions,
  step: Progress['step'],
  total: number,
): (rows: number) => void {
  let done = 0;
  return (rows) => {
    done += rows;
    onProgress?.({ step, done, total });
  };
}

function checkThresholds(thresholds: readonly number[] | undefined): void {
  if (thresholds === undefined) return;
  const isIncreasing = thresholds.every(
    (t, k) => k === 0 || Math.fround(t) > Math.fround(thresholds[k - 1]!),
  );
  if (thresholds.length === 0 || !isIncreasing || !(thresholds[0]! > 0) || !thresholds.every(Number.isFinite))
    throw new ServingError('INVALID_REQUEST', 'thresholds: expected positive numbers in increasing order');
}

/** The file's name, or its folder's when all files of a collection are called model.onnx. */
function nameOf(path: string): string {
  const stem = basename(path).replace(/\.onnx$/i, '');
  const folder = basename(dirname(path));
  return stem === 'model' && folder !== '' && folder !== '.' ? folder : stem;
}

function secondsSince(started: number): number {
  return (performance.now() - started) / 1000;
}
