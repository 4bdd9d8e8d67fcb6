/** M and Σ at every threshold of a grid, and N and Σ₀. */
export interface Counts {
  readonly count: Float64Array;
  readonly sum: Float64Array;
  readonly totalCount: number;
  readonly totalSum: number;
}

/** The same of one site in every slice: shapes [slices · thresholds], a slice after the other, and [slices]. */
export interface SlicedCounts {
  readonly count: Float64Array;
  readonly sum: Float64Array;
  readonly totalCount: Float64Array;
  readonly totalSum: Float64Array;
}

export function emptyCounts(slices: number, thresholds: number): SlicedCounts {
  return {
    count: new Float64Array(slices * thresholds),
    sum: new Float64Array(slices * thresholds),
    totalCount: new Float64Array(slices),
    totalSum: new Float64Array(slices),
  };
}

/** All slices together. */
export function sumOf({ count, sum, totalCount, totalSum }: SlicedCounts): Counts {
  const length = totalCount.length === 0 ? 0 : count.length / totalCount.length;
  const all = { count: new Float64Array(length), sum: new Float64Array(length), totalCount: 0, totalSum: 0 };
  for (let j = 0; j < totalCount.length; j++) {
    for (let k = 0; k < length; k++) {
      all.count[k]! += count[j * length + k]!;
      all.sum[k]! += sum[j * length + k]!;
    }
    all.totalCount += totalCount[j]!;
    all.totalSum += totalSum[j]!;
  }
  return all;
}

/** `rest` ← what is left of `all` without one of its slices; never below 0 by rounding. */
export function takeOut(all: Counts, sliced: SlicedCounts, slice: number, rest: Counts): Counts {
  const row = slice * rest.count.length;
  for (let k = 0; k < rest.count.length; k++) {
    rest.count[k] = Math.max(0, all.count[k]! - sliced.count[row + k]!);
    rest.sum[k] = Math.max(0, all.sum[k]! - sliced.sum[row + k]!);
  }
  return {
    count: rest.count,
    sum: rest.sum,
    totalCount: Math.max(0, all.totalCount - sliced.totalCount[slice]!),
    totalSum: Math.max(0, all.totalSum - sliced.totalSum[slice]!),
  };
}
