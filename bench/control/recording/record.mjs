// Records what one model does with one variant of its inputs: everything that the control loop could ever ask for.

import { logGrid } from '../../../dist/criticality/free-energy.js';
import { edgeOf } from '../../../dist/estimator/bins.js';
import { mergeAll, tails } from '../../../dist/estimator/histogram.js';
import { pass } from '../../../dist/tools/analyze/passes.js';
import { present } from '../../present.mjs';
import { histogramsBySite, totalOf } from '../../zoo/report/rescaled.mjs';
import { packed } from './histograms.mjs';
import { varied } from './variants.mjs';

/**
 * @typedef {import('../../../dist/estimator/histogram.js').ActivationHistogram} ActivationHistogram
 * @typedef {import('../../../dist/tools/analyze/passes.js').Passes} Passes
 * @typedef {import('../../zoo/report/opened.mjs').Opened} Opened
 * @typedef {Awaited<ReturnType<typeof record>>} Recorded
 */

/** A controller can choose no threshold but these: the estimator's own grid, and a little beyond. */
export const GRID = { perOctave: 8, sparsity: /** @type {const} */ ([0.01, 0.97]) };
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
  const thresholds = gridOf(histograms, alsoAt);
  const pruned = new Float32Array(thresholds.length * dense.length);
  const sites = opened.sites.length;
  const shares = new Float64Array(thresholds.length * sites * 2);
  const total = siteTotals(histograms.slice(0, MEASURED_ROWS));
  for (const [k, threshold] of thresholds.entries()) {
    pruned.set(await logitsAt(passes(BATCH, 0, rows), threshold, rows), k * dense.length);
    const retained = await retainedAt(passes(BATCH, 0, Math.min(rows, MEASURED_ROWS)), threshold, sites);
    shares.set(
      retained.map((x, i) => (total[i] === 0 ? 0 : x / present(total[i]))),
      k * sites * 2,
    );
    if (k % 8 === 0) onProgress((k + 1) / thresholds.length);
  }
  return {
    about: { variant, rows, classes, sites },
    columns: {
      ...packed(histograms),
      labels: Int32Array.from(opened.labels.subarray(0, rows)),
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

/** @type {(inputs: readonly (readonly ActivationHistogram[])[], alsoAt: readonly number[]) => number[]} */
function gridOf(inputs, alsoAt) {
  const bins = logGrid(tails(mergeAll(inputs.flat())), GRID);
  const thresholds = new Set([...alsoAt, ...Array.from(bins, edgeOf)]);
  return [...thresholds].sort((a, b) => a - b);
}
