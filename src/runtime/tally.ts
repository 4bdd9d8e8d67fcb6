import type { RetainedAtSite } from './measure.ts';

/**
 * Number and sum of the finite nonzero |a| ≥ τ for every τ of a list, over all tensors, exact (no bins).
 * O(activations · log thresholds).
 *
 * @param taps - float32 tensors given as their bits.
 * @param thresholds - increasing.
 */
export function tally(taps: readonly Uint32Array[], thresholds: Float32Array): RetainedAtSite[] {
  const counts = new Float64Array(thresholds.length);
  const sums = new Float64Array(thresholds.length);
  for (const bits of taps) {
    const values = new Float32Array(bits.buffer, bits.byteOffset, bits.length);
    for (let i = 0; i < values.length; i++) {
      const a = Math.abs(values[i]!);
      if (!(a > 0 && a < Number.POSITIVE_INFINITY)) continue;
      const passed = lastPassed(thresholds, a);
      if (passed < 0) continue;
      counts[passed]!++;
      sums[passed]! += a;
    }
  }
  for (let k = thresholds.length - 2; k >= 0; k--) {
    counts[k]! += counts[k + 1]!;
    sums[k]! += sums[k + 1]!;
  }
  return Array.from(counts, (count, k) => ({ count, sum: sums[k]! }));
}

/** Index of the largest threshold that a magnitude passes; −1 when it passes none. */
function lastPassed(thresholds: Float32Array, a: number): number {
  let low = -1;
  let high = thresholds.length;
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (thresholds[middle]! <= a) low = middle;
    else high = middle;
  }
  return low;
}
