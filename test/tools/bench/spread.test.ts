import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { mean, quantile, spread } from '../../../src/tools/bench/spread.ts';

describe('spread', () => {
  it('is median, smallest and largest, whatever the order', () => {
    expect(spread([3, 1, 2])).toEqual({ median: 2, low: 1, high: 3 });
    expect(spread([4, 1, 3, 2])).toEqual({ median: 2.5, low: 1, high: 4 });
    expect(spread([7])).toEqual({ median: 7, low: 7, high: 7 });
    expect(spread([])).toEqual({ median: Number.NaN, low: Number.NaN, high: Number.NaN });
  });

  it('sorts numbers, not their digits', () => {
    expect(spread([9, 10, 100])).toEqual({ median: 10, low: 9, high: 100 });
  });

  it('leaves its input as it was', () => {
    const values = [3, 1, 2];
    spread(values);
    expect(values).toEqual([3, 1, 2]);
  });
});

describe('quantile', () => {
  it('is the nearest rank', () => {
    const sorted = [10, 20, 30, 40];
    expect([0.25, 0.5, 0.51, 0.9, 1].map((p) => quantile(sorted, p))).toEqual([10, 20, 30, 40, 40]);
    expect(quantile([], 0.5)).toBeNaN();
  });

  it('has at least the share p of the values at or below it, and no smaller value has', () => {
    const values = fc.array(fc.integer({ min: -50, max: 50 }), { minLength: 1, maxLength: 200 });
    void fc.assert(
      fc.property(values, fc.double({ min: 1e-6, max: 1, noNaN: true }), (xs, p) => {
        const sorted = xs.toSorted((a, b) => a - b);
        const q = quantile(sorted, p);
        const atOrBelow = (y: number) => xs.filter((x) => x <= y).length;
        expect(atOrBelow(q)).toBeGreaterThanOrEqual(p * xs.length);
        const smaller = sorted.filter((x) => x < q).at(-1);
        if (smaller !== undefined) expect(atOrBelow(smaller)).toBeLessThan(p * xs.length);
      }),
    );
  });
});

describe('mean', () => {
  it('is the sum over the number', () => {
    expect(mean([1, 2, 6])).toBe(3);
  });
});
