/** What a handful of repeated measurements say. */
export interface Spread {
  readonly median: number;
  /** Smallest and largest. */
  readonly low: number;
  readonly high: number;
}

/** Median, smallest and largest of some values; NaN of none. O(n log n). */
export function spread(values: readonly number[]): Spread {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  const median = sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
  return { median, low: sorted[0] ?? Number.NaN, high: sorted.at(-1) ?? Number.NaN };
}

/**
 * The p-quantile by nearest rank: the smallest value with at least the share p of all values at or below it.
 *
 * @param sorted - ascending.
 * @param p - 0 < p ≤ 1.
 * @returns NaN of no values.
 */
export function quantile(sorted: ArrayLike<number>, p: number): number {
  if (sorted.length === 0) return Number.NaN;
  return sorted[Math.max(0, Math.ceil(p * sorted.length) - 1)]!;
}

export function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
