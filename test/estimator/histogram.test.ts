import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BinCounter } from '../../src/estimator/bin-counter.ts';
import { edgeOf } from '../../src/estimator/bins.ts';
import {
  type ActivationHistogram,
  cloneHistogram,
  emptyHistogram,
  merge,
  mergeAll,
  nonzeroCount,
  retainedFrom,
  subtract,
  tails,
  zeroRatio,
} from '../../src/estimator/histogram.ts';
import { bitsOf, DISTRIBUTIONS } from './distributions.ts';

const counter = new BinCounter();
const histogramOf = (values: Float32Array) => counter.histogram(bitsOf(values));
const floats = fc.array(fc.float(), { maxLength: 300 }).map((values) => Float32Array.from(values));

/** Only what the histogram says, whatever range it happens to store. */
function content(h: ActivationHistogram) {
  const bins: Record<number, [number, number]> = {};
  for (const [i, count] of h.counts.entries()) if (count !== 0) bins[h.offset + i] = [count, h.residuals[i]!];
  return { bins, zeros: h.zeros, nonFinite: h.nonFinite };
}

describe.each(Object.entries(DISTRIBUTIONS))('%s', (_, values) => {
  const h = histogramOf(values);
  const magnitudes = Array.from(values, Math.abs)
    .filter((a) => a >= edgeOf(1))
    .sort((a, b) => a - b);

  it('gives M exactly and Σ to 1e-9 at every bin edge, as the sorted magnitudes do', () => {
    const t = tails(h);
    const suffix = new Float64Array(magnitudes.length + 1);
    for (let i = magnitudes.length - 1; i >= 0; i--) suffix[i] = suffix[i + 1]! + magnitudes[i]!;
    let first = 0;
    for (let bin = h.offset; bin < h.offset + h.counts.length; bin++) {
      while (first < magnitudes.length && magnitudes[first]! < edgeOf(bin)) first++;
      const { count, sum } = retainedFrom(t, bin);
      expect(count).toBe(magnitudes.length - first);
      expect(Math.abs(sum - suffix[first]!)).toBeLessThanOrEqual(1e-9 * suffix[first]!);
    }
    expect(nonzeroCount(h)).toBe(magnitudes.length);
    expect(zeroRatio(h)).toBeCloseTo(1 - magnitudes.length / values.length, 12);
  });
});

describe('merge', () => {
  it('of parts is adding all, bit for bit, in any order', () => {
    fc.assert(
      fc.property(floats, floats, floats, (a, b, c) => {
        const all = histogramOf(Float32Array.from([...a, ...b, ...c]));
        const parts = [histogramOf(a), histogramOf(b), histogramOf(c)];
        expect(content(mergeAll(parts))).toEqual(content(all));
        expect(content(mergeAll([...parts].reverse()))).toEqual(content(all));
      }),
    );
  });

  it('is undone by subtract, exactly', () => {
    fc.assert(
      fc.property(floats, floats, (a, b) => {
        const h = histogramOf(a);
        const before = content(h);
        merge(h, histogramOf(b));
        subtract(h, histogramOf(b));
        expect(content(h)).toEqual(before);
      }),
    );
  });

  it('leaves the part alone and shares no memory with it', () => {
    const part = histogramOf(Float32Array.of(1, 2));
    const copy = cloneHistogram(part);
    const all = emptyHistogram();
    merge(all, part);
    merge(all, part);
    expect(content(part)).toEqual(content(copy));
  });
});

describe('tails', () => {
  it('never grow with the threshold', () => {
    fc.assert(
      fc.property(floats, (values) => {
        const { count, sum } = tails(histogramOf(values));
        expect(count.every((n, i) => i === 0 || n <= count[i - 1]!)).toBe(true);
        expect(sum.every((s, i) => i === 0 || s <= sum[i - 1]!)).toBe(true);
      }),
    );
  });

  it('move by whole octaves when everything is doubled', () => {
    const h = histogramOf(DISTRIBUTIONS.halfNormal!);
    const doubled = histogramOf(DISTRIBUTIONS.halfNormal!.map((x) => 2 * x));
    expect(doubled.offset).toBe(h.offset + 64);
    expect(doubled.counts).toEqual(h.counts);
  });
});

describe('BinCounter', () => {
  it('counts zeros and what is not finite apart', () => {
    const h = histogramOf(Float32Array.of(0, -0, Number.NaN, Infinity, -Infinity, 1e-45, -3));
    expect(h).toMatchObject({ zeros: 3, nonFinite: 3 });
    expect(nonzeroCount(h)).toBe(1);
  });

  it('gives the same for small tensors, large ones and such that need several passes', () => {
    const long = Float32Array.from({ length: 700_001 }, (_, i) => Math.sin(i) * (i % 97));
    const byParts = emptyHistogram();
    for (let from = 0; from < long.length; from += 1000) {
      merge(byParts, histogramOf(long.slice(from, from + 1000)));
    }
    expect(content(histogramOf(long))).toEqual(content(byParts));
  });

  it('is empty again after every tensor', () => {
    histogramOf(DISTRIBUTIONS.lognormal!);
    expect(content(histogramOf(new Float32Array(0)))).toEqual({ bins: {}, zeros: 0, nonFinite: 0 });
  });

  it('takes 2^17 equal values per lane without losing one', () => {
    const h = histogramOf(new Float32Array(1 << 20).fill(1.0078124));
    expect(nonzeroCount(h)).toBe(1 << 20);
    expect(tails(h).sum[0]! / (1 << 20)).toBe(Math.fround(1.0078124));
  });
});
