import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { driftDistance, logWasserstein } from '../../src/drift/distance.ts';
import { BinCounter } from '../../src/estimator/bin-counter.ts';
import { emptyHistogram } from '../../src/estimator/histogram.ts';
import { xorshift } from '../../src/random.ts';

const counter = new BinCounter();
const histogramOf = (values: ArrayLike<number>) =>
  counter.histogram(new Uint32Array(Float32Array.from(values).buffer));

/** Standard deviation of ln|a|, and W₁ on ln|a| from sorted samples of equal size. */
function exact(reference: readonly number[], current: readonly number[]): number {
  const a = reference.map(Math.log).sort((x, y) => x - y);
  const b = current.map(Math.log).sort((x, y) => x - y);
  const mean = a.reduce((s, x) => s + x, 0) / a.length;
  const spread = Math.sqrt(a.reduce((s, x) => s + (x - mean) ** 2, 0) / a.length);
  return a.reduce((s, x, i) => s + Math.abs(x - b[i]!), 0) / a.length / spread;
}

function lognormal(seed: number, n: number, shift: number): number[] {
  const random = xorshift(seed);
  return Array.from({ length: n }, () => {
    const normal = Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
    return Math.exp(0.7 * normal + shift);
  });
}

describe('logWasserstein', () => {
  it('equals the sorted-sample distance to the width of a bin', () => {
    for (const [seed, shift] of [
      [1, 0],
      [2, 0.3],
      [3, -1],
      [4, 2],
    ] as const) {
      const reference = lognormal(seed, 5000, 0);
      const current = lognormal(seed + 10, 5000, shift);
      expect(logWasserstein(histogramOf(reference), histogramOf(current))).toBeCloseTo(
        exact(reference, current),
        2,
      );
    }
  });

  it('is |ln c| / σ when everything is multiplied by c', () => {
    const values = lognormal(5, 20_000, 0);
    for (const c of [0.5, 0.667, 1.5, 4]) {
      const distance = logWasserstein(histogramOf(values), histogramOf(values.map((v) => c * v)));
      expect(distance).toBeCloseTo(Math.abs(Math.log(c)) / 0.7, 1);
    }
  });

  it('is zero to itself, whatever the number of samples, and never negative', () => {
    fc.assert(
      fc.property(
        fc.array(fc.float({ min: Math.fround(1e-3), max: 100, noNaN: true }), { minLength: 2 }),
        (values) => {
          const h = histogramOf(values);
          expect(logWasserstein(h, histogramOf([...values, ...values]))).toBeCloseTo(0, 9);
          expect(logWasserstein(h, histogramOf([1, 2]))).toBeGreaterThanOrEqual(0);
        },
      ),
    );
  });

  it('says nothing when one side is empty', () => {
    expect(logWasserstein(emptyHistogram(), histogramOf([1]))).toBe(0);
    expect(logWasserstein(histogramOf([1]), emptyHistogram())).toBe(0);
  });
});

describe('driftDistance', () => {
  it('names the site that moved most', () => {
    const still = histogramOf(lognormal(1, 2000, 0));
    const moved = histogramOf(lognormal(1, 2000, 1));
    expect(driftDistance([still, still, still], [still, moved, still]).site).toBe(1);
  });
});
