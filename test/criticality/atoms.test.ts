import { describe, expect, it } from 'vitest';
import { atomsOf } from '../../src/criticality/atoms.ts';
import { binned } from '../../src/estimator/binning.ts';
import { binOf } from '../../src/estimator/bins.ts';
import {
  type ActivationHistogram,
  emptyHistogram,
  mergeAll,
  nonzeroCount,
} from '../../src/estimator/histogram.ts';
import { bitsOf } from '../estimator/distributions.ts';
import { ANALYTIC, expectedHistogram } from './analytic.ts';
import { BACKGROUND, type Draw, exponential, halfNormal, rayleigh, window, withAtoms } from './samples.ts';

/** The share of every stored bin that belongs to the continuous part. */
function shareOf(h: ActivationHistogram): Float64Array {
  const share = new Float64Array(h.counts.length).fill(1);
  for (const { bin, cut } of atomsOf(h)) share[bin - h.offset] = 1 - cut;
  return share;
}

/** Share of all activations that is cut. */
function cutRatio(h: ActivationHistogram): number {
  const share = shareOf(h);
  return h.counts.reduce((sum, count, i) => sum + count * (1 - share[i]!), 0) / nonzeroCount(h);
}

const normal: Draw = (u) => Math.sqrt(-2 * Math.log(1 - u())) * Math.cos(2 * Math.PI * u());
/** A negative lobe that ends at 0.17, where its density has a pole. */
const gelu: Draw = (u) => {
  const x = normal(u);
  return 0.5 * x * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3)));
};
const SMOOTH: Readonly<Record<string, Draw>> = {
  exponential,
  halfNormal,
  rayleigh,
  uniform: (u) => u(),
  'lognormal, σ = 2': (u) => Math.exp(2 * normal(u)),
  gelu,
  'gelu of mostly negative inputs': (u) => {
    const x = 0.6 * normal(u) - 1;
    return 0.5 * x * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3)));
  },
  'silu, whose negative lobe ends at 0.28': (u) => {
    const x = normal(u);
    return x / (1 + Math.exp(-x));
  },
  'hardswish, whose negative lobe ends at 0.375': (u) => {
    const x = 2 * normal(u) - 1;
    return (x * Math.min(6, Math.max(0, x + 3))) / 6;
  },
  'two scales, 1 : 100': (u) => (u() < 0.5 ? exponential(u) : 100 * halfNormal(u)),
};

describe('smooth densities are left whole', () => {
  it.each(Object.keys(SMOOTH))('%s: less than 1 percent is cut, in small windows and large ones', (name) => {
    const draw = SMOOTH[name]!;
    for (const perSlice of [20, 200, 2000, 50_000]) {
      const ratio = cutRatio(mergeAll(window(draw, perSlice, { perSlice })));
      expect(ratio, `${16 * perSlice} activations`).toBeLessThan(0.01);
    }
  });

  it.each(Object.entries(ANALYTIC))(
    '%s: nothing is cut when there is no sampling noise',
    (_, distribution) => {
      expect(cutRatio(expectedHistogram(distribution))).toBe(0);
    },
  );

  it.each([
    ['float16', 10],
    ['bfloat16', 7],
  ])('%s holds several values per bin: none is taken for an atom', (_, mantissa) => {
    const round = (x: number) => {
      const ulp = 2 ** (Math.floor(Math.log2(x)) - mantissa);
      return Math.round(x / ulp) * ulp;
    };
    expect(cutRatio(mergeAll(window((u) => round(halfNormal(u)), 3)))).toBeLessThan(0.01);
  });
});

describe('atoms are cut to their neighbourhood', () => {
  it.each(Object.entries({ exponential, halfNormal, rayleigh }))('in %s magnitudes', (_, draw) => {
    const heavy = BACKGROUND.map(([value, ratio]) => [value, 1.5 * ratio] as const);
    const h = mergeAll(window(withAtoms(draw, heavy), 1));
    const share = shareOf(h);
    const clean = mergeAll(window(draw, 1));
    for (const [value, ratio] of heavy) {
      const bin = binOf(value);
      const left = (h.counts[bin - h.offset]! * share[bin - h.offset]!) / nonzeroCount(h);
      const smooth = (0.79 * (clean.counts[bin - clean.offset] ?? 0)) / nonzeroCount(clean);
      expect(Math.abs(left - smooth), `${ratio} at ${value}`).toBeLessThan(0.002);
    }
    expect(Math.abs(cutRatio(h) - 0.21)).toBeLessThan(0.005);
  });

  it('gradually between 5 and 10 mean bins, the same in every unit', () => {
    /** Magnitudes with one density per ln τ and an atom as heavy as `bins` mean bins, in 7 units over an octave. */
    const cuts = (bins: number) =>
      Array.from({ length: 7 }, (_, i) => {
        const unit = 2 ** (i / 6);
        const perBin = 200;
        const octaves = 2;
        const spread = Array.from(
          { length: 64 * octaves * perBin },
          (_, j) => unit * 2 ** (octaves * (j / (64 * octaves * perBin) - 0.5)),
        );
        const atom = new Array<number>(bins * perBin).fill(unit * 1.003);
        return cutRatio(binned(bitsOf(Float32Array.from([...spread, ...atom])))) / bins;
      });
    const whole = cuts(12);
    for (const bins of [1, 3, 4]) expect(Math.max(...cuts(bins))).toBe(0);
    for (const [bins, share] of [
      [6, 0.2],
      [7.5, 0.5],
      [9, 0.8],
    ] as const) {
      for (const [i, cut] of cuts(bins).entries())
        expect(Math.abs(cut / whole[i]! - share)).toBeLessThan(0.15);
    }
    for (const [i, cut] of cuts(11).entries()) expect(Math.abs(cut / whole[i]! - 1)).toBeLessThan(0.05);
  });

  it('leaves as much in the bin as its neighbours have', () => {
    const h = mergeAll(
      window(
        withAtoms((u) => 1 + u(), [[1.5, 0.2]]),
        5,
      ),
    );
    const i = binOf(1.5) - h.offset;
    const median = (side: Float64Array) => (side.sort()[3]! + side[4]!) / 2;
    const below = median(h.counts.slice(i - 8, i));
    const above = median(h.counts.slice(i + 1, i + 9));
    expect(h.counts[i]! * shareOf(h)[i]!).toBeCloseTo(Math.max(below, above), 6);
  });

  it('two atoms in adjacent bins are both cut', () => {
    const h = mergeAll(
      window(
        withAtoms(halfNormal, [
          [1, 0.1],
          [1 + 1 / 64, 0.1],
        ]),
        6,
      ),
    );
    expect(cutRatio(h)).toBeCloseTo(0.2, 2);
  });

  it('a share of one in 10,000, or 16 activations, is the least that counts', () => {
    const single = (count: number, others: number) =>
      cutRatio(
        mergeAll([
          binned(bitsOf(new Float32Array(count).fill(2))),
          binned(bitsOf(Float32Array.from({ length: others }, (_, i) => 64 + (i % 64)))),
        ]),
      );
    expect(single(16, 64)).toBe(0);
    expect(single(17, 64)).toBeCloseTo(17 / 81, 12);
    expect(single(99, 999_901)).toBe(0);
    expect(single(101, 999_899)).toBeCloseTo(101e-6, 12);
  });

  it('what is nothing but atoms has no continuous part', () => {
    const h = binned(bitsOf(Float32Array.from({ length: 2000 }, (_, i) => (i % 2 === 0 ? 0.1 : 3))));
    expect(cutRatio(h)).toBe(1);
    expect(atomsOf(emptyHistogram())).toEqual([]);
  });
});
