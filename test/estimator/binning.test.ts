import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { xorshift } from '../../src/drift/xorshift.ts';
import { binned } from '../../src/estimator/binning.ts';
import { nonzeroCount, tails } from '../../src/estimator/histogram.ts';
import { content, contentByDefinition } from './content.ts';
import { bitsOf, DISTRIBUTIONS } from './distributions.ts';

const histogramOf = (values: Float32Array) => binned(bitsOf(values));

/** Any 32 bits: both signs, zeros, subnormals, infinities, NaN with any payload. */
function anyBits(seed: number, length: number): Uint32Array {
  const random = xorshift(seed);
  return Uint32Array.from({ length }, () => random() * 2 ** 32);
}

describe('binned', () => {
  it('bins any bits as the definition does', () => {
    fc.assert(
      fc.property(fc.uint32Array({ maxLength: 200 }), (bits) => {
        expect(content(binned(bits))).toEqual(contentByDefinition(bits));
      }),
    );
  });

  it('bins few distinct bits, where every lane meets the same bins, as the definition does', () => {
    const words = fc.constantFrom(
      0,
      0x80000000,
      1,
      0x1ffff,
      0x20000,
      0x3f800000,
      0x3f81ffff,
      0x7f800000,
      0xffc00000,
    );
    fc.assert(
      fc.property(fc.array(words, { minLength: 2000, maxLength: 2200, size: 'max' }), (list) => {
        const bits = Uint32Array.from(list);
        expect(content(binned(bits))).toEqual(contentByDefinition(bits));
      }),
      { numRuns: 30, endOnFailure: true },
    );
  });

  it.each([0, 1, 3, 4, 5, 2047, 2048, 2049, 2050, 2051, 2052, 100_003])(
    'bins %i elements as the definition does',
    (length) => {
      const bits = anyBits(length + 1, length);
      expect(content(binned(bits))).toEqual(contentByDefinition(bits));
    },
  );

  it.each([2 ** 19 - 1, 2 ** 19, 2 ** 19 + 1, 2 ** 19 + 2049, 2 ** 20 + 3])(
    'bins %i elements, around a whole number of passes, as the definition does',
    (length) => {
      const bits = anyBits(length, length);
      expect(content(binned(bits))).toEqual(contentByDefinition(bits));
    },
  );

  it.each([2 ** 19, 2 ** 22])(
    'loses nothing in the fullest cell: %i times the largest residual of one bin',
    (length) => {
      const bits = new Uint32Array(length).fill(0x3f81ffff);
      expect(content(binned(bits))).toEqual({
        bins: { [0x3f80 / 2]: [length, length * 0x1ffff] },
        zeros: 0,
        nonFinite: 0,
      });
    },
  );

  it('sums a million equal values exactly', () => {
    const h = histogramOf(new Float32Array(1 << 20).fill(1.0078124));
    expect(nonzeroCount(h)).toBe(1 << 20);
    expect(tails(h).sum[0]! / (1 << 20)).toBe(Math.fround(1.0078124));
  });

  it('counts zeros and what is not finite apart', () => {
    const h = histogramOf(Float32Array.of(0, -0, Number.NaN, Infinity, -Infinity, 1e-45, -3));
    expect(h).toMatchObject({ zeros: 3, nonFinite: 3 });
    expect(nonzeroCount(h)).toBe(1);
  });

  it('stores whole octaves only, from the first that is used to the last', () => {
    const h = histogramOf(Float32Array.of(0, 1, 3.9, Number.NaN));
    expect(h.offset).toBe(127 * 64);
    expect(h.counts.length).toBe(2 * 64);
    expect(histogramOf(Float32Array.of(2 ** -130)).offset).toBe(0);
  });

  it('is empty again after every tensor, whatever was in it', () => {
    for (const length of [5, 2049, 2 ** 19 + 7]) {
      binned(anyBits(length, length));
      expect(content(binned(new Uint32Array(0)))).toEqual({ bins: {}, zeros: 0, nonFinite: 0 });
      expect(content(histogramOf(Float32Array.of(1)))).toEqual({
        bins: { 8128: [1, 0] },
        zeros: 0,
        nonFinite: 0,
      });
    }
  });

  it('gives histograms that later tensors do not change', () => {
    const first = histogramOf(DISTRIBUTIONS.lognormal!);
    const before = content(first);
    histogramOf(DISTRIBUTIONS.uniform!);
    histogramOf(DISTRIBUTIONS.exponential!);
    expect(content(first)).toEqual(before);
  });

  it('ignores the sign', () => {
    const values = DISTRIBUTIONS.gelu!;
    expect(content(histogramOf(values.map((x) => -x)))).toEqual(content(histogramOf(values)));
  });
});
