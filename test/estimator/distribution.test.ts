import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { binned } from '../../src/estimator/binning.ts';
import { binOf, edgeOf } from '../../src/estimator/bins.ts';
import { distributionsOf } from '../../src/estimator/distribution.ts';
import { emptyHistogram, zeroRatio } from '../../src/estimator/histogram.ts';
import { bitsOf, DISTRIBUTIONS } from './distributions.ts';

const histogramOf = (values: Float32Array) => binned(bitsOf(values));

/** Magnitudes that are in some bin, ascending. */
function magnitudes(values: Float32Array): Float32Array {
  return Float32Array.from(values, Math.abs)
    .filter((x) => Number.isFinite(x) && binOf(x) > 0)
    .sort();
}

const shareBelow = (sorted: Float32Array, x: number) => sorted.filter((a) => a < x).length / sorted.length;

describe.each(Object.entries(DISTRIBUTIONS))('the distribution of %s', (_, values) => {
  const h = histogramOf(values);
  const sorted = magnitudes(values);
  const threshold = edgeOf(binOf(sorted[Math.floor(sorted.length / 3)]!));
  const { edges, distributions } = distributionsOf([h], threshold);
  const [one] = distributions;

  it('is that of the values, bar by bar', () => {
    expect(one!.below).toBeCloseTo(shareBelow(sorted, edges[0]!), 12);
    for (const [i, share] of one!.shares.entries()) {
      const expected = shareBelow(sorted, edges[i + 1]!) - shareBelow(sorted, edges[i]!);
      expect(share).toBeCloseTo(expected, 12);
    }
    expect(one!.shares.reduce((sum, share) => sum + share, one!.below)).toBeCloseTo(1, 12);
    expect(edges).toEqual(edges.toSorted((a, b) => a - b));
    expect(one!.shares.length).toBe(edges.length - 1);
  });

  it('tells exactly what is below a threshold, how much is zero, and the median to a bin', () => {
    expect(one!.belowThreshold).toBeCloseTo(shareBelow(sorted, threshold), 12);
    expect(one!.zeroRatio).toBe(zeroRatio(h));
    const median = sorted[Math.ceil(sorted.length / 2) - 1]!;
    expect(one!.median).toBe(edgeOf(binOf(median)));
  });
});

describe('distributions of several histograms', () => {
  it('have the same bars, which hold all but the smallest magnitudes of each', () => {
    const exponents = fc.array(fc.integer({ min: -9, max: 9 }), { minLength: 1, maxLength: 50 });
    fc.assert(
      fc.property(exponents, exponents, (a, b) => {
        const histograms = [a, b].map((one) => histogramOf(Float32Array.from(one, (x) => 2 ** x)));
        const { edges, distributions } = distributionsOf(histograms, null);
        expect(edges[0]).toBeLessThanOrEqual(2 ** Math.min(...a, ...b));
        expect(edges.at(-1)).toBeGreaterThan(2 ** Math.max(...a, ...b));
        for (const { shares, below, belowThreshold } of distributions) {
          expect([below, belowThreshold]).toEqual([0, null]);
          expect(shares.reduce((sum, share) => sum + share, 0)).toBeCloseTo(1, 12);
        }
      }),
    );
  });

  it('bound the number of bars, however far apart magnitudes are', () => {
    const { edges, distributions } = distributionsOf(
      [histogramOf(Float32Array.of(1e-30, 1e-30, 1, 1e30))],
      1,
    );
    expect(edges.length).toBe(97);
    expect(distributions[0]).toMatchObject({ below: 0.75, belowThreshold: 0.5 });
  });

  it('say so where nothing is active, beside what is', () => {
    const nothing = { below: 0, belowThreshold: 0, median: null };
    expect(distributionsOf([emptyHistogram()], 1)).toEqual({
      edges: [],
      distributions: [{ ...nothing, shares: [], zeroRatio: null }],
    });
    const { distributions } = distributionsOf(
      [histogramOf(Float32Array.of(0, 0)), histogramOf(Float32Array.of(1))],
      1,
    );
    expect(distributions[0]).toEqual({ ...nothing, shares: [0], zeroRatio: 1 });
    expect(distributions[1]).toMatchObject({ shares: [1], zeroRatio: 0 });
  });
});
