// Everything that the report says about one entry of the zoo.
import { shareAlike } from '../../../dist/analysis/class-scores.js';
import { densePass, mergedSlices } from '../../../dist/analysis/dense-pass.js';
import { prunedPass } from '../../../dist/analysis/full-pass.js';
import { SLICES } from '../../../dist/analysis/schedule.js';
import { criticality, DEFAULT_CRITICAL_POINT } from '../../../dist/criticality/critical-point.js';
import { freeEnergyFrom, fullFeatures } from '../../../dist/criticality/full-evaluation.js';
import { mergeAll, tails } from '../../../dist/estimator/histogram.js';
import { evaluate, limits } from './full-evaluation.mjs';
import { open } from './opened.mjs';
import { pooled, RULES } from './rules.mjs';
import { scaleShifts } from './scaled-activations.mjs';
import { streamed } from './streaming.mjs';

/** Rows that thresholds are estimated and accuracies are measured on. */
const ROWS = 1000;
const SUBSAMPLES = 5;
const SUBSAMPLE_ROWS = 500;
/** τ that a full evaluation is timed for. */
const TIMED_THRESHOLDS = 40;
const REPEATS = 5;
const WINDOW_REPEATS = 60;

const nothing = () => undefined;

/** One row of the table, with full evaluation, stability, timings, streaming and scale. */
export async function measureRow(entry) {
  const opened = await open(entry);
  try {
    const passes = opened.passes(0, ROWS);
    const labels = opened.labels.subarray(0, ROWS);
    const dense = await densePass(passes, [], nothing);
    const slices = mergedSlices(dense);
    const t = tails(mergeAll(slices));
    const total = { count: t.count[0], sum: t.sum[0] };
    const denseAccuracy = shareAlike(dense.classes, labels);
    const found = criticality(slices);
    const thresholds = Array.from(found.curve.thresholds);
    const points = await evaluate(passes, thresholds, dense, labels);
    const timings = await timed(passes, dense, points);
    const full = freeEnergyFrom(
      thresholds,
      points.map(({ retained }) => retained),
      total,
      'normalized',
    );
    return {
      ...identity(entry),
      rows: ROWS,
      denseAccuracy,
      ...(await limits(passes, points, dense, labels, denseAccuracy, total.count)),
      curve: {
        thresholds,
        renormalized: Array.from(found.curve.freeEnergy),
        continuous: Array.from(found.continuous),
        sparsity: Array.from(found.curve.sparsity),
        full: Array.from(full.freeEnergy),
        fullSparsity: Array.from(full.sparsity),
        accuracy: points.map(({ accuracy }) => accuracy),
        agreement: points.map(({ agreement }) => agreement),
      },
      features: candidates(found.features, points),
      fullFeatures: fullFeatures(
        thresholds,
        points.map(({ point }) => point),
        slices,
        DEFAULT_CRITICAL_POINT,
      ),
      rules: await judged(passes, dense, labels, points),
      subsamples: await subsampled(opened),
      streamed: await streamed(opened, ROWS, SLICES),
      scaled: await scaleShifts(opened),
      timings,
    };
  } finally {
    await opened.close();
  }
}

/** Another seed of an entry: what each rule finds, and what accuracy is left. */
export async function measureSeed(entry) {
  const opened = await open(entry);
  try {
    const passes = opened.passes(0, ROWS);
    const labels = opened.labels.subarray(0, ROWS);
    const dense = await densePass(passes, [], nothing);
    const denseAccuracy = shareAlike(dense.classes, labels);
    return { ...identity(entry), denseAccuracy, rules: await judged(passes, dense, labels, []) };
  } finally {
    await opened.close();
  }
}

function identity({ name, entry, architecture, dataset, seed }) {
  return { name, entry, architecture, dataset, seed };
}

/** Every significant feature with the answers of the pruned network there. */
function candidates(features, points) {
  return features.map((feature) => {
    const { accuracy, agreement } = points.find(({ threshold }) => threshold === feature.threshold);
    return { ...feature, accuracy, agreement };
  });
}

/** Each rule's choice, and the pruned network at it. */
async function judged(passes, dense, labels, points) {
  const results = {};
  for (const { key, choose } of RULES) {
    const choice = choose(dense.slices);
    if (choice === null) {
      results[key] = null;
      continue;
    }
    const known = points.find(({ threshold }) => threshold === choice.thresholds);
    const { accuracy, agreement } =
      known ?? (await prunedPass(passes, choice.thresholds, dense, labels, nothing));
    const { sparsity, kind, interval } = choice;
    results[key] = {
      ...(typeof choice.thresholds === 'number' ? { threshold: choice.thresholds } : {}),
      sparsity,
      kind,
      ...(interval === undefined ? {} : { interval }),
      accuracy,
      agreement,
    };
  }
  return results;
}

/** β* of every rule on disjoint parts of the inputs. */
async function subsampled({ passes, rows }) {
  const length = Math.min(SUBSAMPLE_ROWS, Math.floor(rows / SUBSAMPLES));
  const sparsities = Object.fromEntries(RULES.map(({ key }) => [key, []]));
  for (let i = 0; i < SUBSAMPLES; i++) {
    const { slices } = await densePass(passes(i * length, (i + 1) * length), [], nothing);
    for (const { key, choose } of RULES) sparsities[key].push(choose(slices)?.sparsity ?? null);
  }
  return { rows: length, sparsities };
}

/** Seconds of the renormalized and the full evaluation, and from a filled window to the critical threshold. */
async function timed(passes, dense, points) {
  const renormalized = [];
  for (let i = 0; i < REPEATS; i++) {
    const started = performance.now();
    criticality(mergedSlices(await densePass(passes, [], nothing)));
    renormalized.push((performance.now() - started) / 1000);
  }
  const window = Array.from({ length: WINDOW_REPEATS }, () => {
    const started = performance.now();
    criticality(pooled(dense.slices));
    return (performance.now() - started) / 1000;
  }).slice(WINDOW_REPEATS / 2);
  return {
    fullSeconds: TIMED_THRESHOLDS * median(points.map(({ seconds }) => seconds)),
    renormalizedSeconds: median(renormalized),
    windowSeconds: median(window),
  };
}

export function median(values) {
  return [...values].sort((a, b) => a - b)[values.length >> 1];
}
