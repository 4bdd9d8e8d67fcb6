/** M and Σ at every threshold of a grid, and N and Σ₀. */
export interface Counts {
  readonly count: Float64Array;
  readonly sum: Float64Array;
  readonly totalCount: number;
  readonly totalSum: number;
}

/** One site: one entry per slice of the window. */
export type SlicedCounts = readonly Counts[];

/** All slices together. */
export function sumOf(slices: SlicedCounts): Counts {
  const length = slices[0]?.count.length ?? 0;
  const all = { count: new Float64Array(length), sum: new Float64Array(length), totalCount: 0, totalSum: 0 };
  for (const slice of slices) {
    addTo(all.count, slice.count);
    addTo(all.sum, slice.sum);
    all.totalCount += slice.totalCount;
    all.totalSum += slice.totalSum;
  }
  return all;
}

function addTo(all: Float64Array, values: Float64Array): void {
  for (let k = 0; k < all.length; k++) all[k]! += values[k]!;
}

/** `rest` ← what is left of `all` without one of its slices; never below 0 by rounding. */
export function takeOut(all: Counts, slice: Counts, rest: Counts): Counts {
  difference(all.count, slice.count, rest.count);
  difference(all.sum, slice.sum, rest.sum);
  return {
    count: rest.count,
    sum: rest.sum,
    totalCount: Math.max(0, all.totalCount - slice.totalCount),
    totalSum: Math.max(0, all.totalSum - slice.totalSum),
  };
}

function difference(a: Float64Array, b: Float64Array, result: Float64Array): void {
  for (let k = 0; k < result.length; k++) result[k] = Math.max(0, a[k]! - b[k]!);
}
