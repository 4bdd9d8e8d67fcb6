import { edgeOf, octaveOf, ULPS_PER_BIN, ulpOf } from '../estimator/bins.ts';
import { type ActivationHistogram, tails } from '../estimator/histogram.ts';
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

/** The continuous part of one site over all slices: its histogram, and the share of every bin (see atoms.ts). */
export interface ContinuousSite {
  readonly all: ActivationHistogram;
  readonly share: Float64Array | null;
}

export function continuousSite(all: ActivationHistogram): ContinuousSite {
  return { all, share: continuousShare(all) };
}

/**
 * The continuous part of one site at consecutive thresholds. O(bins).
 *
 * @param bins - consecutive bins whose lower edges are the thresholds.
 */
export function totalCounts({ all, share }: ContinuousSite, bins: Int32Array): Counts {
  const t = tails(all, share ?? undefined);
  const count = new Float64Array(bins.length);
  const sum = new Float64Array(bins.length);
  const shift = (bins[0] ?? 0) - t.offset;
  for (let k = 0; k < bins.length; k++) {
    const i = Math.min(Math.max(shift + k, 0), t.count.length - 1);
    count[k] = t.count[i]!;
    sum[k] = t.sum[i]!;
  }
  return { count, sum, totalCount: t.count[0]!, totalSum: t.sum[0]! };
}

/**
 * The same at any increasing thresholds, in every slice; atoms are those of the site over all slices. O(slices · bins).
 *
 * @param bins - bins whose lower edges are the thresholds, increasing.
 */
export function slicedCounts(
  slices: readonly ActivationHistogram[],
  { all, share }: ContinuousSite,
  bins: Int32Array,
): SlicedCounts {
  return slices.map((slice) => countsAt(slice, share?.subarray(slice.offset - all.offset) ?? null, bins));
}

/**
 * Counts of one histogram, down from its highest bin. Most of the time that a critical point takes is spent here, so
 * magnitudes are added up as the integers that they are inside an octave.
 *
 * @param share - weight of each stored bin.
 */
function countsAt(
  { offset, counts, residuals }: ActivationHistogram,
  share: Float64Array | null,
  bins: Int32Array,
): Counts {
  const count = new Float64Array(bins.length);
  const sum = new Float64Array(bins.length);
  let n = 0;
  let s = 0;
  let i = counts.length;
  for (let k = bins.length - 1; k >= -1; k--) {
    const last = k < 0 ? 0 : Math.max(0, bins[k]! - offset);
    while (i > last) {
      const bin = offset + i - 1;
      const to = Math.max(last, octaveOf(bin) - offset);
      const ulp = ulpOf(bin);
      let edge = edgeOf(bin) / ulp;
      let inUlps = 0;
      if (share === null) {
        for (; i > to; edge -= ULPS_PER_BIN) {
          const c = counts[--i]!;
          n += c;
          inUlps += c * edge + residuals[i]!;
        }
      } else {
        for (; i > to; edge -= ULPS_PER_BIN) {
          const weight = share[--i]!;
          const c = weight * counts[i]!;
          n += c;
          inUlps += c * edge + weight * residuals[i]!;
        }
      }
      s += inUlps * ulp;
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
