// How long full evaluation, one dense run, and a critical point from a window take.

import { criticality, DEFAULT_CRITICAL_POINT } from '../../../dist/criticality/critical-point.js';
import { cloneHistogram, finish, mergeAll } from '../../../dist/estimator/histogram.js';
import { densePass } from '../../../dist/tools/analyze/dense-pass.js';
import { prunedPassWithPoint } from '../../../dist/tools/analyze/full-pass.js';

/** τ that a full evaluation is timed for. */
const TIMED_THRESHOLDS = 40;
const REPEATS = 5;
const WINDOW_REPEATS = 200;

const nothing = () => undefined;

/**
 * Seconds of the renormalized and the full evaluation, in alternation, and from a filled window to the critical threshold; by the
 * clock, and of processor time, which a busy machine does not stretch. Full evaluation is timed by the run that its curve comes
 * from, at thresholds from all over the grid.
 */
export async function timed(passes, dense, thresholds) {
  const renormalized = [];
  const pruned = [];
  const renormalize = async () => criticality((await densePass(passes, [], nothing)).slices);
  for (let i = 0; i < REPEATS; i++) {
    const threshold = thresholds[Math.floor(((i + 0.5) * thresholds.length) / REPEATS)];
    const evaluateOne = () => prunedPassWithPoint(passes, threshold, dense, undefined, nothing);
    const [a, b] = i % 2 === 0 ? [renormalize, evaluateOne] : [evaluateOne, renormalize];
    const times = [await timeOf(a), await timeOf(b)];
    renormalized.push(times[i % 2]);
    pruned.push(times[1 - (i % 2)]);
  }
  const window = [];
  const { slices, totals } = asWindow(dense);
  for (let i = 0; i < WINDOW_REPEATS; i++) {
    // Between two estimates a slice comes and one goes.
    slices.push(slices.shift().map((h) => finish(cloneHistogram(h))));
    window.push(await timeOf(() => criticality(slices, DEFAULT_CRITICAL_POINT, totals)));
  }
  const warm = window.slice(WINDOW_REPEATS / 2);
  const cpuOf = (times) => times.map(({ cpuSeconds }) => cpuSeconds);
  const clockOf = (times) => times.map(({ seconds }) => seconds);
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

/** What a server's rolling window holds: finished slices, and their running total per site. */
function asWindow({ slices }) {
  return {
    slices: slices.map((sites) => sites.map((h) => finish(cloneHistogram(h)))),
    totals: slices[0].map((_, site) => mergeAll(slices.map((slice) => slice[site]))),
  };
}

/** By the clock, and of processor time over all threads. */
async function timeOf(work) {
  const started = performance.now();
  const before = process.cpuUsage();
  await work();
  const { user, system } = process.cpuUsage(before);
  return { seconds: (performance.now() - started) / 1000, cpuSeconds: (user + system) / 1e6 };
}

function median(values) {
  return [...values].sort((a, b) => a - b)[values.length >> 1];
}
