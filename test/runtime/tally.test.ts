import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { tally } from '../../src/runtime/tally.ts';

const bitsOf = (values: readonly number[]): Uint32Array => new Uint32Array(Float32Array.from(values).buffer);
const magnitude = fc.float({ min: Math.fround(-10), max: Math.fround(10), noNaN: true });

describe('tally', () => {
  it('counts and sums |a| ≥ τ at every threshold, equality included, over all tensors', () => {
    const taps = [bitsOf([0.5, -0.25, 0]), bitsOf([-2, 0.25])];
    expect(tally(taps, Float32Array.of(0.25, 0.5, 1, 3))).toEqual([
      { count: 4, sum: 3 },
      { count: 2, sum: 2.5 },
      { count: 1, sum: 2 },
      { count: 0, sum: 0 },
    ]);
  });

  it('leaves out what is not finite and what is zero', () => {
    const taps = [bitsOf([Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 0, -0, 4])];
    expect(tally(taps, Float32Array.of(0, 1))).toEqual([
      { count: 1, sum: 4 },
      { count: 1, sum: 4 },
    ]);
  });

  it('agrees with a filter for each threshold', () => {
    fc.assert(
      fc.property(
        fc.array(magnitude, { maxLength: 200 }),
        fc.uniqueArray(fc.float({ min: Math.fround(0.001), max: 9, noNaN: true }), {
          minLength: 1,
          maxLength: 9,
        }),
        (values, unsorted) => {
          const thresholds = Float32Array.from(unsorted).sort();
          const found = tally([bitsOf(values)], thresholds);
          for (const [k, threshold] of thresholds.entries()) {
            const kept = values.map((a) => Math.abs(Math.fround(a))).filter((a) => a >= threshold);
            expect(found[k]!.count).toBe(kept.length);
            expect(found[k]!.sum).toBeCloseTo(
              kept.reduce((sum, a) => sum + a, 0),
              9,
            );
          }
        },
      ),
    );
  });
});
