import { edgeOf, ulpOf } from '../estimator/bins.ts';
import { type ActivationHistogram, mergeAll } from '../estimator/histogram.ts';
import { continuousShare } from './atoms.ts';

/** M and Σ at every threshold of a grid, and N and Σ₀. */
export interface Counts {
  readonly count: Float64Array;
  readonly sum: Float64Array;
  readonly totalCount: number;
  readonly totalSum: number;
}

/** One site: one entry per slice of the window. */
export type SlicedCounts = readonly Counts[];

/**
 * The continuous part of one site (see atoms.ts) in every slice. Atoms are found over all slices. O(slices · bins).
 *
 * @param bins - bins whose lower edges are the thresholds, increasing.
 */
export function continuousCounts(slices: readonly ActivationHistogram[], bins: Int32Array): SlicedCounts {
  const all = mergeAll(slices);
  const share = continuousShare(all);
  return slices.map((slice) => countsAt(slice, share, slice.offset - all.offset, bins));
}

/** Counts of one slice, down from its highest bin; bin i has weight `share[shift + i]`. */
function countsAt(
  { offset, counts, residuals }: ActivationHistogram,
  share: Float64Array,
  shift: number,
  bins: Int32Array,
): Counts {
  const count = new Float64Array(bins.length);
  const sum = new Float64Array(bins.length);
  let n = 0;
  let s = 0;
  let k = bins.length - 1;
  for (let i = counts.length - 1; i >= 0; i--) {
    const c = counts[i]!;
    if (c === 0) continue;
    const bin = offset + i;
    for (; k >= 0 && bins[k]! > bin; k--) {
      count[k] = n;
      sum[k] = s;
    }
    const weight = share[shift + i]!;
    n += weight * c;
    s += weight * (c * edgeOf(bin) + residuals[i]! * ulpOf(bin));
  }
  for (; k >= 0; k--) {
    count[k] = n;
    sum[k] = s;
  }
  return { count, sum, totalCount: n, totalSum: s };
}

/** All slices together. */
export function sumOf(slices: SlicedCounts): Counts {
  const length = slices[0]?.count.length ?? 0;
  const count = new Float64Array(length);
  const sum = new Float64Array(length);
  let totalCount = 0;
  let totalSum = 0;
  for (const slice of slices) {
    for (let k = 0; k < length; k++) {
      count[k]! += slice.count[k]!;
      sum[k]! += slice.sum[k]!;
    }
    totalCount += slice.totalCount;
    totalSum += slice.totalSum;
  }
  return { count, sum, totalCount, totalSum };
}

/** What is left of `all` without one of its slices; never below 0 by rounding. */
export function without(all: Counts, slice: Counts): Counts {
  const less = (a: Float64Array, b: Float64Array) => a.map((v, k) => Math.max(0, v - b[k]!));
  return {
    count: less(all.count, slice.count),
    sum: less(all.sum, slice.sum),
    totalCount: Math.max(0, all.totalCount - slice.totalCount),
    totalSum: Math.max(0, all.totalSum - slice.totalSum),
  };
}
