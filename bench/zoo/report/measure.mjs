// Everything that the report says about one entry of the zoo.
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { criticality, DEFAULT_CRITICAL_POINT } from '../../../dist/criticality/critical-point.js';
import { freeEnergyFrom } from '../../../dist/criticality/free-energy.js';
import { fullFeatures } from '../../../dist/criticality/full-evaluation.js';
import { shareAlike } from '../../../dist/tools/analyze/class-scores.js';
import { densePass } from '../../../dist/tools/analyze/dense-pass.js';
import { SLICES } from '../../../dist/tools/analyze/schedule.js';
import { present } from '../../present.mjs';
import { evaluate, limits, prunedAt } from './full-evaluation.mjs';
import { open, ROWS } from './opened.mjs';
import { totalOf } from './rescaled.mjs';
import { RULES } from './rules.mjs';
import { scaleShifts } from './scaled-activations.mjs';
import { streamed } from './streaming.mjs';

/**
 * @typedef {import('../entries.mjs').Entry} Entry
 * @typedef {import('./opened.mjs').Opened} Opened
 * @typedef {import('../../../dist/tools/analyze/passes.js').Passes} Passes
 * @typedef {import('../../../dist/tools/analyze/dense-pass.js').DensePass} DensePass
 * @typedef {import('./row.ts').RowMeasured} RowMeasured
 * @typedef {import('./row.ts').SeedMeasured} SeedMeasured
 * @typedef {import('./row.ts').Choice} Choice
 * @typedef {import('./row.ts').Pruned} Pruned
 */

const TIME_ROW = fileURLToPath(new URL('time-row.mjs', import.meta.url));
const SUBSAMPLES = 5;
const SUBSAMPLE_ROWS = 500;
const nothing = () => undefined;

/**
 * One row of the table, with full evaluation, stability, timings, streaming and scale.
 *
 * @type {(entry: Entry, kept: import('./row.ts').Kept) => Promise<RowMeasured>}
 */
export async function measureRow(entry, kept) {
  const opened = await open(entry);
  try {
    const passes = opened.passes(0, ROWS);
    const labels = opened.labels.subarray(0, ROWS);
    const dense = await densePass(passes, [], nothing);
    const total = totalOf(dense.slices.flat());
    const denseAccuracy = shareAlike(dense.classes, labels);
    const found = present(criticality(dense.slices, DEFAULT_CRITICAL_POINT, dense));
    const thresholds = Array.from(found.curve.thresholds);
    const points = await kept('full', () => evaluate(passes, thresholds, dense, labels));
    const timings = await kept('timings', () => timeRow(entry, thresholds));
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
      features: await candidates(passes, dense, labels, found.features),
      fullFeatures: fullFeatures(
        thresholds,
        points.map(({ point }) => point),
        dense.slices,
        DEFAULT_CRITICAL_POINT,
        dense.poles,
      ),
      rules: await judged(passes, dense, labels, points),
      ...(await kept('subsamples', () => subsampled(opened))),
      streamed: await kept('streamed', () => streamed(opened, ROWS, SLICES)),
      scaled: await kept('scaled', () => scaleShifts(opened)),
      timings,
    };
  } finally {
    await opened.close();
  }
}

/**
 * The timings of a row, at the thresholds of its curve, in a process of its own: a server has one model, and code that has
 * seen twenty runs half as fast.
 *
 * @type {(entry: Pick<Entry, 'name'>, thresholds: readonly number[]) => Promise<import('./row.ts').Timings>}
 */
export async function timeRow({ name }, thresholds) {
  const timing = promisify(execFile)(process.execPath, [TIME_ROW, name]);
  timing.child.stdin?.end(JSON.stringify(thresholds));
  return JSON.parse((await timing).stdout);
}

/** Another seed of an entry: what each rule finds, and what accuracy is left. @param {Entry} entry @returns {Promise<SeedMeasured>} */
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

/** @param {Entry} entry */
function identity({ name, entry, architecture, dataset, seed }) {
  return { name, entry, architecture, dataset, seed };
}

/** Every significant feature with the answers of the pruned network there. @type {(passes: Passes, dense: DensePass, labels: Int32Array, features: readonly import('../../../dist/criticality/critical-point.js').Feature[]) => Promise<RowMeasured['features']>} */
async function candidates(passes, dense, labels, features) {
  const results = [];
  for (const feature of features) {
    const { accuracy, agreement } = await prunedAt(passes, feature.threshold, dense, labels);
    results.push({ ...feature, accuracy, agreement });
  }
  return results;
}

/** Each rule's choice, and the pruned network at it. @type {(passes: Passes, dense: DensePass, labels: Int32Array, points: readonly import('./row.ts').Point[]) => Promise<SeedMeasured['rules']>} */
async function judged(passes, dense, labels, points) {
  /** @type {Record<string, Choice | null>} */
  const results = {};
  /** @type {Map<string, Pruned>} */
  const runs = new Map(points.map((point) => [String(point.threshold), point]));
  const answersAt = async (/** @type {number | Float32Array} */ thresholds) => {
    const key = String(thresholds);
    const known = runs.get(key) ?? (await prunedAt(passes, thresholds, dense, labels));
    runs.set(key, known);
    return known;
  };
  for (const { key, choose } of RULES) {
    const choice = choose(dense.slices, dense.poles);
    if (choice === null) {
      results[key] = null;
      continue;
    }
    const { accuracy, agreement } = await answersAt(choice.thresholds);
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

/** β* of every rule on disjoint parts of the inputs; where five of 500 are too many, on fewer, and on five smaller ones. @param {Opened} opened @returns {Promise<Pick<RowMeasured, 'subsamples' | 'fifths'>>} */
async function subsampled({ passes, rows }) {
  const parts = async (/** @type {number} */ count, /** @type {number} */ length) => {
    /** @type {DensePass[]} */
    const runs = [];
    for (let i = 0; i < count; i++)
      runs.push(await densePass(passes(i * length, (i + 1) * length), [], nothing));
    const sparsities = RULES.map(({ key, choose }) => [
      key,
      runs.map(({ slices, poles }) => choose(slices, poles)?.sparsity ?? null),
    ]);
    return { rows: length, sparsities: Object.fromEntries(sparsities) };
  };
  const count = Math.min(SUBSAMPLES, Math.floor(rows / SUBSAMPLE_ROWS));
  const subsamples = await parts(count, SUBSAMPLE_ROWS);
  if (count === SUBSAMPLES) return { subsamples };
  return { subsamples, fifths: await parts(SUBSAMPLES, Math.floor(rows / SUBSAMPLES)) };
}
