import { edgeOf } from '../estimator/bins.ts';
import { type ActivationHistogram, retainedFrom, tails } from '../estimator/histogram.ts';
import { freeEnergy, type Temperature, temperatureScale } from './free-energy.ts';

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
 * Every replica has its own temperature scale, so that the noise of s is in the estimate too. A replica in which nothing
 * remains is NaN.
 *
 * @param shareOf - the share of each stored bin of a slice that counts, see `tails`.
 */
export function leaveOneOut(
  slices: readonly ActivationHistogram[],
  bins: Int32Array,
  temperature: Temperature,
  shareOf: (h: ActivationHistogram) => Float64Array,
): Replicas {
  const sampled = slices.map((slice) => {
    const t = tails(slice, shareOf(slice));
    return { t, at: Array.from(bins, (bin) => retainedFrom(t, bin)) };
  });
  const totalCount = sampled.reduce((n, { t }) => n + t.count[0]!, 0);
  const totalSum = sampled.reduce((n, { t }) => n + t.sum[0]!, 0);
  const curves = sampled.map(() => new Float64Array(bins.length));
  const rest = sampled.map(({ t }) => ({
    totalCount: totalCount - t.count[0]!,
    totalSum: totalSum - t.sum[0]!,
  }));
  const scales = rest.map((r) =>
    r.totalCount > 0 ? temperatureScale(temperature, r.totalCount, r.totalSum) : Number.NaN,
  );
  for (let k = 0; k < bins.length; k++) {
    const threshold = edgeOf(bins[k]!);
    let count = 0;
    let sum = 0;
    for (const { at } of sampled) {
      count += at[k]!.count;
      sum += at[k]!.sum;
    }
    for (const [j, { at }] of sampled.entries()) {
      const retained = {
        count: Math.max(0, count - at[k]!.count),
        sum: Math.max(0, sum - at[k]!.sum),
        ...rest[j]!,
      };
      curves[j]![k] = freeEnergy(retained, threshold, scales[j]!);
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

/**
 * How many jackknife standard errors are as unlikely by chance as `errors` of a single normal quantity.
 *
 * A curve of `looks` points is as many chances (Bonferroni, with the normal tail as exp(−z²/2)), and a standard error
 * from K slices is itself noisy (Student's t with K − 1 degrees of freedom).
 * Source: D. L. Wallace 1959, Bounds on normal approximations to Student's and the chi-square distributions.
 */
export function leastErrors(errors: number, looks: number, slices: number): number {
  const freedom = slices - 1;
  const z = Math.sqrt(errors * errors + 2 * Math.log(Math.max(1, looks)));
  const scaled = (z * (8 * freedom + 3)) / (8 * freedom + 1);
  return Math.sqrt(freedom * Math.expm1((scaled * scaled) / freedom));
}
