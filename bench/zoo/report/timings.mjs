// How long full evaluation, one dense run, and a critical point from a window take.

import { criticality, DEFAULT_CRITICAL_POINT } from '../../../dist/criticality/critical-point.js';
import { cloneHistogram, finish, mergeAll } from '../../../dist/estimator/histogram.js';
import { densePass } from '../../../dist/tools/analyze/dense-pass.js';
import { prunedPassWithPoint } from '../../../dist/tools/analyze/full-pass.js';
import { present } from '../../present.mjs';
import { histogramsBySite } from './rescaled.mjs';

/**
 * @typedef {import('../../../dist/tools/analyze/passes.js').Passes} Passes
 * @typedef {import('../../../dist/tools/analyze/dense-pass.js').DensePass} DensePass
 * @typedef {{ seconds: number, cpuSeconds: number }} Taken - by the clock, and of processor time over all threads.
 */

/** τ that a full evaluation is timed for. */
const TIMED_THRESHOLDS = 40;
const REPEATS = 5;
const WINDOW_REPEATS = 200;

const nothing = () => undefined;

/**
 * Seconds of the renormalized and the full evaluation, in alternation, and from a filled window to the critical threshold; by the
 * clock, and of processor time, which a busy machine does not stretch. Full evaluation is timed by the run that its curve comes
 * from, at thresholds from all over the grid.
 *
 * @type {(passes: Passes, dense: DensePass, thresholds: readonly number[]) => Promise<import('./row.ts').Timings>}
 */
export async function timed(passes, dense, thresholds) {
  /** @type {Taken[]} */
  const renormalized = [];
  /** @type {Taken[]} */
  const pruned = [];
  const renormalize = async () => {
    const run = await densePass(passes, [], nothing);
    return criticality(run.slices, DEFAULT_CRITICAL_POINT, run);
  };
  for (let i = 0; i < REPEATS; i++) {
    const threshold = present(thresholds[Math.floor(((i + 0.5) * thresholds.length) / REPEATS)]);
    const evaluateOne = () => prunedPassWithPoint(passes, threshold, dense, undefined, nothing);
    const isFirst = i % 2 === 0;
    if (isFirst) renormalized.push(await timeOf(renormalize));
    pruned.push(await timeOf(evaluateOne));
    if (!isFirst) renormalized.push(await timeOf(renormalize));
  }
  const window = [];
  const { slices, totals } = asWindow(dense);
  for (let i = 0; i < WINDOW_REPEATS; i++) {
    // Between two estimates a slice comes and one goes.
    slices.push(present(slices.shift()).map((h) => finish(cloneHistogram(h))));
    window.push(
      await timeOf(() => criticality(slices, DEFAULT_CRITICAL_POINT, { window: totals, poles: dense.poles })),
    );
  }
  const warm = window.slice(WINDOW_REPEATS / 2);
  const cpuOf = (/** @type {Taken[]} */ times) => times.map(({ cpuSeconds }) => cpuSeconds);
  const clockOf = (/** @type {Taken[]} */ times) => times.map(({ seconds }) => seconds);
  return {
    fullSeconds: TIMED_THRESHOLDS * median(clockOf(pruned)),
    renormalizedSeconds: median(clockOf(renormalized)),
    windowSeconds: median(clockOf(warm)),
    cpu: {
      fullSeconds: TIMED_THRESHOLDS * median(cpuOf(pruned)),
      renormalizedSeconds: median(cpuOf(renormalized)),
      // The processor's clock is too coarse for one.
      windowSeconds: cpuOf(warm).reduce((sum, t) => sum + t, 0) / warm.length,
    },
  };
}

/** What a server's rolling window holds: finished slices, and their running total per site. @param {DensePass} dense */
function asWindow({ slices }) {
  return {
    slices: slices.map((sites) => sites.map((h) => finish(cloneHistogram(h)))),
    totals: histogramsBySite(slices).map(mergeAll),
  };
}

/** @param {() => unknown} work @returns {Promise<Taken>} */
async function timeOf(work) {
  const started = performance.now();
  const before = process.cpuUsage();
  await work();
  const { user, system } = process.cpuUsage(before);
  return { seconds: (performance.now() - started) / 1000, cpuSeconds: (user + system) / 1e6 };
}

/** @param {readonly number[]} values */
function median(values) {
  return present([...values].sort((a, b) => a - b)[values.length >> 1]);
}
