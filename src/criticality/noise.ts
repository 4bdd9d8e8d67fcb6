import { edgeOf } from '../estimator/bins.ts';
import { type ActivationHistogram, retainedFrom, tails } from '../estimator/histogram.ts';
import { freeEnergy } from './free-energy.ts';

/**
 * Replicas of a curve with one slice of the window left out in turn: the delete-one jackknife.
 *
 * Slices hold whole requests, so that the correlation of activations inside a request is in the estimate.
 * Source: Efron & Stein 1981.
 */
export interface Replicas {
  /** K curves on the same grid as the original. */
  readonly curves: readonly Float64Array[];
}

/**
 * F on a grid for the window without each of its slices. O(slices · bins).
 *
 * @param scale - s of the temperature, the same for every replica.
 */
export function leaveOneOut(
  slices: readonly ActivationHistogram[],
  bins: Int32Array,
  scale: number,
  shareOf: (h: ActivationHistogram) => Float64Array,
): Replicas {
  const sampled = slices.map((slice) => {
    const t = tails(slice, shareOf(slice));
    return { t, at: Array.from(bins, (bin) => retainedFrom(t, bin)) };
  });
  const totalCount = sampled.reduce((n, { t }) => n + t.count[0]!, 0);
  const totalSum = sampled.reduce((n, { t }) => n + t.sum[0]!, 0);
  const curves = sampled.map(() => new Float64Array(bins.length));
  for (let k = 0; k < bins.length; k++) {
    const threshold = edgeOf(bins[k]!);
    let count = 0;
    let sum = 0;
    for (const { at } of sampled) {
      count += at[k]!.count;
      sum += at[k]!.sum;
    }
    for (const [j, { t, at }] of sampled.entries()) {
      const retained = {
        count: Math.max(0, count - at[k]!.count),
        sum: Math.max(0, sum - at[k]!.sum),
        totalCount: totalCount - t.count[0]!,
        totalSum: totalSum - t.sum[0]!,
      };
      curves[j]![k] = freeEnergy(retained, threshold, scale);
    }
  }
  return { curves };
}

/** Jackknife standard error of any quantity of the curve. */
export function standardError(replicas: Replicas, quantity: (curve: Float64Array) => number): number {
  const values = replicas.curves.map(quantity);
  const k = values.length;
  const mean = values.reduce((a, b) => a + b, 0) / k;
  return Math.sqrt(((k - 1) / k) * values.reduce((a, v) => a + (v - mean) ** 2, 0));
}
