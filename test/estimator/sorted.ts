import { edgeOf } from '../../src/estimator/bins.ts';

/** The nonzero finite magnitudes of some tensors in increasing order, with the sum of each and all larger ones. */
export interface SortedMagnitudes {
  readonly values: Float32Array;
  /** One longer than `values`; the last is 0. */
  readonly sums: Float64Array;
}

/** What is below the first bin counts as zero. */
export function sortedMagnitudes(tensors: readonly Float32Array[]): SortedMagnitudes {
  const kept = tensors.map((tensor) => tensor.map(Math.abs).filter((a) => a >= edgeOf(1) && a < Infinity));
  const values = new Float32Array(kept.reduce((n, { length }) => n + length, 0));
  let at = 0;
  for (const part of kept) {
    values.set(part, at);
    at += part.length;
  }
  values.sort();
  const sums = new Float64Array(values.length + 1);
  for (let i = values.length - 1; i >= 0; i--) sums[i] = sums[i + 1]! + values[i]!;
  return { values, sums };
}

/** M and Σ over the magnitudes ≥ τ, for increasing τ. */
export function retainedBySorting(
  { values, sums }: SortedMagnitudes,
  thresholds: readonly number[],
): { readonly count: number; readonly sum: number }[] {
  let first = 0;
  return thresholds.map((threshold) => {
    while (first < values.length && values[first]! < threshold) first++;
    return { count: values.length - first, sum: sums[first]! };
  });
}
