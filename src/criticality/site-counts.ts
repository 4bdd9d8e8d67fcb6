import { edgeOf, ulpOf } from '../estimator/bins.ts';
import type { ActivationHistogram } from '../estimator/histogram.ts';
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
 * @param all - the slices merged.
 * @param bins - bins whose lower edges are the thresholds, increasing.
 */
export function continuousCounts(
  slices: readonly ActivationHistogram[],
  all: ActivationHistogram,
  bins: Int32Array,
): SlicedCounts {
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
  let i = counts.length - 1;
  for (let k = bins.length - 1; k >= -1; k--) {
    const last = k < 0 ? 0 : Math.max(0, bins[k]! - offset);
    for (; i >= last; i--) {
      const c = counts[i]!;
      if (c === 0) continue;
      const weight = share[shift + i]!;
      n += weight * c;
      s += weight * (c * edgeOf(offset + i) + residuals[i]! * ulpOf(offset + i));
    }
    if (k < 0) break;
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

/** `rest` ← what is left of `all` without one of its slices; never below 0 by rounding. */
export function takeOut(all: Counts, slice: Counts, rest: Counts): Counts {
  for (let k = 0; k < rest.count.length; k++) {
    rest.count[k] = Math.max(0, all.count[k]! - slice.count[k]!);
    rest.sum[k] = Math.max(0, all.sum[k]! - slice.sum[k]!);
  }
  return {
    count: rest.count,
    sum: rest.sum,
    totalCount: Math.max(0, all.totalCount - slice.totalCount),
    totalSum: Math.max(0, all.totalSum - slice.totalSum),
  };
}
