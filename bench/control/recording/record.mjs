// Records what one model does with one variant of its inputs: everything that the control loop could ever ask for.

import { logGrid } from '../../../dist/criticality/free-energy.js';
import { binOf, edgeOf } from '../../../dist/estimator/bins.js';
import { mergeAll, retainedFrom, tails } from '../../../dist/estimator/histogram.js';
import { pass } from '../../../dist/tools/analyze/passes.js';
import { present } from '../../present.mjs';
import { histogramsBySite, totalOf } from '../../zoo/report/rescaled.mjs';
import { argmax, denseAnswers, LOSSES } from '../objectives/losses.mjs';
import { packed } from './histograms.mjs';
import { varied } from './variants.mjs';

/**
 * @typedef {import('../../../dist/estimator/histogram.js').ActivationHistogram} ActivationHistogram
 * @typedef {import('../../../dist/estimator/histogram.js').Tails} Tails
 * @typedef {import('../../../dist/tools/analyze/passes.js').Passes} Passes
 * @typedef {import('../../zoo/report/opened.mjs').Opened} Opened
 * @typedef {Awaited<ReturnType<typeof record>>} Recorded
 */

/**
 * Thresholds that answers are recorded at: the estimator's own grid, and a little beyond; where the mean loss by the dense margin
 * is what a search decides about, every bin edge that is `step` of sparsity above the last, as the ladder of a server has them.
 */
export const GRID = {
  perOctave: 8,
  sparsity: /** @type {const} */ ([0.01, 0.97]),
  fine: { loss: /** @type {const} */ ([0.002, 0.02]), step: 0.01 },
};
const BATCH = 32;
/** Rows whose activations are counted in pruned runs, too. */
const MEASURED_ROWS = 160;

/**
 * @param {Opened} opened
 * @param {string} variant
 * @param {number} rows
 * @param {readonly number[]} alsoAt - thresholds that must be on the grid whatever this traffic looks like.
 * @param {(share: number) => void} onProgress - 0–1.
 */
export async function record(opened, variant, rows, alsoAt, onProgress) {
  const passes = passesOver(opened, variant, rows);
  const histograms = await denseHistograms(passes(1, 0, rows));
  const dense = await logitsAt(passes(BATCH, 0, rows), 0, rows);
  const classes = dense.length / rows;
  const sites = opened.sites.length;
  const total = siteTotals(histograms.slice(0, MEASURED_ROWS));
  /** What the network does at a threshold: class scores, and shares of M and Σ of every site. @param {number} threshold */
  const recordedAt = async (threshold) => {
    const scores = await logitsAt(passes(BATCH, 0, rows), threshold, rows);
    const retained = await retainedAt(passes(BATCH, 0, Math.min(rows, MEASURED_ROWS)), threshold, sites);
    return { scores, shares: retained.map((x, i) => (total[i] === 0 ? 0 : x / present(total[i]))) };
  };
  const t = tails(mergeAll(histograms.flat()));
  const grid = gridOf(t, alsoAt);
  /** @type {Map<number, Awaited<ReturnType<typeof recordedAt>>>} */
  const at = new Map();
  for (const threshold of grid) {
    at.set(threshold, await recordedAt(threshold));
    onProgress(at.size / grid.length);
  }
  const labels = Int32Array.from(opened.labels.subarray(0, rows));
  const { answers } = denseAnswers({ rows, classes, dense, labels });
  const lossAt = (/** @type {number} */ threshold) => marginLoss(answers, present(at.get(threshold)).scores);
  for (const threshold of finer(t, grid, grid.map(lossAt))) at.set(threshold, await recordedAt(threshold));
  const thresholds = [...at.keys()].sort((a, b) => a - b);
  const pruned = new Float32Array(thresholds.length * dense.length);
  const shares = new Float64Array(thresholds.length * sites * 2);
  for (const [k, threshold] of thresholds.entries()) {
    const found = present(at.get(threshold));
    pruned.set(found.scores, k * dense.length);
    shares.set(found.shares, k * sites * 2);
  }
  return {
    about: { variant, rows, classes, sites },
    columns: {
      ...packed(histograms),
      labels,
      dense,
      thresholds: Float64Array.from(thresholds),
      pruned,
      shares,
    },
  };
}

/** @type {(opened: Opened, variant: string, rows: number) => (batch: number, from: number, to: number) => Passes} */
function passesOver(opened, variant, rows) {
  const { rows: recorded, ...rest } = opened.passes(0, rows);
  const changed = {
    count: rows,
    batch: (/** @type {number} */ from, /** @type {number} */ to) =>
      varied(variant, recorded.batch(from, to), from),
  };
  return (batch, from, to) => {
    const batches = [];
    for (let a = from; a < to; a += batch) batches.push({ from: a, to: Math.min(a + batch, to), slice: 0 });
    return { ...rest, rows: changed, batches };
  };
}

/** @param {Passes} passes - one row a batch. */
async function denseHistograms(passes) {
  /** @type {(readonly ActivationHistogram[])[]} */
  const inputs = [];
  await pass({ ...passes, outputs: [] }, 0, 'histogram', ({ histograms }, { from }) => {
    inputs[from] = histograms;
  });
  return inputs;
}

/** Class scores of all rows, shape [rows, classes]. @type {(p: Passes, threshold: number, rows: number) => Promise<Float32Array>} */
async function logitsAt(passes, threshold, rows) {
  /** @type {Float32Array | undefined} */
  let all;
  await pass(passes, threshold, 'nothing', ({ outputs }, { from }) => {
    const scores = present(outputs[0]);
    const classes = scores.shape[1] ?? 1;
    all ??= new Float32Array(rows * classes);
    all.set(/** @type {Float32Array} */ (scores.elements), from * classes);
  });
  if (all === undefined) throw new Error('the model has no class scores');
  return all;
}

/** M and Σ of every site in the pruned network, [M₀, Σ₀, M₁, …]. @type {(p: Passes, threshold: number, sites: number) => Promise<Float64Array>} */
async function retainedAt(passes, threshold, sites) {
  const sums = new Float64Array(sites * 2);
  await pass({ ...passes, outputs: [] }, threshold, 'retained', ({ retained }) => {
    for (const [i, { count, sum }] of retained.entries()) {
      sums[2 * i] = present(sums[2 * i]) + count;
      sums[2 * i + 1] = present(sums[2 * i + 1]) + sum;
    }
  });
  return sums;
}

/** N and Σ₀ of every site, in the order of `retainedAt`. @param {readonly (readonly ActivationHistogram[])[]} inputs */
function siteTotals(inputs) {
  return Float64Array.from(
    histogramsBySite(inputs).flatMap((site) => {
      const { count, sum } = totalOf(site);
      return [count, sum];
    }),
  );
}

/** @type {(t: Tails, alsoAt: readonly number[]) => number[]} */
function gridOf(t, alsoAt) {
  const thresholds = new Set([...alsoAt, ...Array.from(logGrid(t, GRID), edgeOf)]);
  return [...thresholds].sort((a, b) => a - b);
}

/** Bin edges between the thresholds of a grid, where its losses are what a search decides about. @type {(t: Tails, grid: readonly number[], losses: readonly number[]) => number[]} */
function finer(t, grid, losses) {
  const { loss, step } = GRID.fine;
  const first = Math.max(0, losses.findIndex((x) => x > loss[0]) - 1);
  const last = Math.min(grid.length - 1, losses.findLastIndex((x) => x <= loss[1]) + 1);
  const sparsity = (/** @type {number} */ bin) => 1 - retainedFrom(t, bin).count / retainedFrom(t, 0).count;
  /** @type {number[]} */
  const between = [];
  for (let k = first; k < last; k++) {
    let before = binOf(present(grid[k]));
    for (let bin = before + 1; bin < binOf(present(grid[k + 1])); bin++) {
      if (sparsity(bin + 1) - sparsity(before) <= step) continue;
      between.push(edgeOf(bin));
      before = bin;
    }
  }
  return between;
}

/** Mean loss by the dense margin. @param {readonly import('../objectives/losses.mjs').Answer[]} answers @param {Float32Array} scores - of all of them. */
function marginLoss(answers, scores) {
  const classes = scores.length / answers.length;
  const sum = answers.reduce((sum, answer, i) => {
    const own = scores.subarray(i * classes, (i + 1) * classes);
    return sum + LOSSES.margin(answer, own, argmax(own));
  }, 0);
  return sum / answers.length;
}
