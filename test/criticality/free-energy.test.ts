import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  freeEnergy,
  freeEnergyAt,
  freeEnergyFrom,
  internalEnergy,
  logGrid,
  type Temperature,
  temperatureScale,
} from '../../src/criticality/free-energy.ts';
import { binned } from '../../src/estimator/binning.ts';
import { binOf, edgeOf } from '../../src/estimator/bins.ts';
import { emptyHistogram, retainedFrom, type Tails, tails } from '../../src/estimator/histogram.ts';
import { bitsOf, DISTRIBUTIONS } from '../estimator/distributions.ts';
import { retainedBySorting, sortedMagnitudes } from '../estimator/sorted.ts';
import { ANALYTIC, analyticFreeEnergy, expectedHistogram } from './analytic.ts';

const tailsOf = (values: Float32Array) => tails(binned(bitsOf(values)));
const GRID = { perOctave: 8, sparsity: [0.02, 0.95] } as const;
const gridOf = (t: Tails) => Array.from(logGrid(t, GRID), edgeOf);

describe('F', () => {
  it('is ln(Σ/Σ₀) − (s/τ)·ln(M/N)', () => {
    const r = { count: 25, sum: 60, totalCount: 100, totalSum: 120 };
    expect(internalEnergy(r)).toBeCloseTo(-Math.LN2, 15);
    expect(freeEnergy(r, 2, 1)).toBeCloseTo(-Math.log(2) + Math.log(4) / 2, 15);
    expect(freeEnergy(r, 2, 3)).toBeCloseTo(-Math.log(2) + (3 / 2) * Math.log(4), 15);
  });

  it('is 0 where nothing is pruned and NaN where nothing remains', () => {
    const total = { totalCount: 7, totalSum: 9 };
    expect(freeEnergy({ ...total, count: 7, sum: 9 }, 0.1, 1)).toBe(0);
    expect(freeEnergy({ ...total, count: 0, sum: 0 }, 0.1, 1)).toBeNaN();
  });

  it.each(
    Object.keys(ANALYTIC).flatMap((name) =>
      (['paper', 'normalized'] as const).flatMap((temperature) =>
        [0.25, 1, 8].map((scale) => [name, temperature, scale] as const),
      ),
    ),
  )('of %s magnitudes is its closed form (%s, × %d)', (name, temperature, scale) => {
    const distribution = ANALYTIC[name as keyof typeof ANALYTIC];
    const t = tails(expectedHistogram(distribution, scale));
    const curve = freeEnergyAt(t, gridOf(t), temperature);
    const exact = analyticFreeEnergy(distribution, scale, temperature);
    expect(curve.thresholds.length).toBeGreaterThan(25);
    for (const [i, threshold] of curve.thresholds.entries()) {
      expect(Math.abs(curve.freeEnergy[i]! - exact(threshold))).toBeLessThan(1e-7);
      expect(Math.abs(curve.sparsity[i]! - 1 + distribution.survival(threshold / scale))).toBeLessThan(1e-9);
    }
  });
});

describe('temperature', () => {
  it('paper: s = 1; normalized: s = Σ₀/N', () => {
    expect(temperatureScale('paper', 8, 2)).toBe(1);
    expect(temperatureScale('normalized', 8, 2)).toBe(0.25);
  });

  it('normalized makes F independent of scale: powers of two move the curve along τ, bit for bit', () => {
    const curveOf = (values: Float32Array) => {
      const t = tailsOf(values);
      return freeEnergyAt(t, gridOf(t), 'normalized');
    };
    const base = curveOf(DISTRIBUTIONS.halfNormal!);
    fc.assert(
      fc.property(fc.integer({ min: -20, max: 20 }), (octaves) => {
        const scaled = curveOf(DISTRIBUTIONS.halfNormal!.map((x) => x * 2 ** octaves));
        expect(scaled.freeEnergy).toEqual(base.freeEnergy);
        expect(scaled.internalEnergy).toEqual(base.internalEnergy);
        expect(scaled.sparsity).toEqual(base.sparsity);
        expect(scaled.thresholds).toEqual(base.thresholds.map((tau) => tau * 2 ** octaves));
      }),
      { numRuns: 20 },
    );
  });

  it('normalized makes F at c·τ of c·a the F at τ of a, for any c', () => {
    const { count, sum, offset } = tailsOf(DISTRIBUTIONS.lognormal!);
    fc.assert(
      fc.property(fc.double({ min: 0.25, max: 8, noNaN: true }), fc.nat(count.length - 2), (c, i) => {
        fc.pre(count[i]! > 0);
        const threshold = edgeOf(offset + i);
        const r = { count: count[i]!, sum: sum[i]!, totalCount: count[0]!, totalSum: sum[0]! };
        const scaled = { ...r, sum: c * r.sum, totalSum: c * r.totalSum };
        const s = (x: typeof r) => temperatureScale('normalized', x.totalCount, x.totalSum);
        const base = freeEnergy(r, threshold, s(r));
        const entropy = (s(r) / threshold) * Math.log(r.count / r.totalCount);
        expect(Math.abs(freeEnergy(scaled, c * threshold, s(scaled)) - base)).toBeLessThanOrEqual(
          1e-12 * Math.max(1, -entropy),
        );
      }),
    );
  });
});

describe('F from counts taken at each threshold', () => {
  const h = binned(bitsOf(DISTRIBUTIONS.halfNormal!));
  const thresholds = [7900, 8000, 8050, 8128, 8200].map(edgeOf);
  const sorted = sortedMagnitudes([DISTRIBUTIONS.halfNormal!]);
  const dense = { count: sorted.values.length, sum: sorted.sums[0]! };

  it.each(['paper', 'normalized'] as const)(
    'of the unpruned network is the renormalized F (%s)',
    (temperature) => {
      const curve = freeEnergyFrom(thresholds, retainedBySorting(sorted, thresholds), dense, temperature);
      const renormalized = freeEnergyAt(tails(h), thresholds, temperature);
      for (let i = 0; i < thresholds.length; i++) {
        expect(curve.freeEnergy[i]).toBeCloseTo(renormalized.freeEnergy[i]!, 9);
        expect(curve.internalEnergy[i]).toBeCloseTo(renormalized.internalEnergy[i]!, 9);
        expect(curve.sparsity[i]).toBe(renormalized.sparsity[i]);
      }
    },
  );

  it('follows the pruned network above what the unpruned one had: β < 0', () => {
    const curve = freeEnergyFrom([0.5], [{ count: 120, sum: 130 }], { count: 100, sum: 100 }, 'paper');
    expect(curve.sparsity[0]).toBeCloseTo(-0.2, 12);
    expect(curve.freeEnergy[0]).toBeCloseTo(Math.log(1.3) - 2 * Math.log(1.2), 12);
  });

  it('is NaN where everything was pruned', () => {
    expect(freeEnergyFrom([9], [{ count: 0, sum: 0 }], dense, 'paper').freeEnergy[0]).toBeNaN();
  });

  it('refuses another number of counts than thresholds, and no activation', () => {
    expect(() => freeEnergyFrom([1, 2], [dense], dense, 'paper')).toThrow('2 thresholds, 1 counts');
    expect(() => freeEnergyFrom([1], [dense], { count: 0, sum: 0 }, 'paper')).toThrow(RangeError);
  });
});

describe('F of a histogram', () => {
  it('counts from the lower edge of the bin in between, with its own temperature', () => {
    const h = binned(bitsOf(Float32Array.of(1, 2, 3, 4)));
    const curve = freeEnergyAt(tails(h), [2.01, 3.5], 'paper');
    expect(Array.from(curve.sparsity)).toEqual([0.25, 0.75]);
    expect(curve.freeEnergy[0]).toBeCloseTo(Math.log(9 / 10) - Math.log(3 / 4) / 2.01, 14);
    expect(curve.freeEnergy[1]).toBeCloseTo(Math.log(4 / 10) - Math.log(1 / 4) / 3.5, 14);
  });

  it('is NaN past the largest magnitude, where nothing remains', () => {
    const h = binned(bitsOf(Float32Array.of(1, 2)));
    const curve = freeEnergyAt(tails(h), [1.5, 5], 'normalized');
    expect(curve.freeEnergy[0]).toBeCloseTo(Math.log(2 / 3) + Math.log(2), 14);
    expect(curve.freeEnergy[1]).toBeNaN();
    expect(curve.sparsity[1]).toBe(1);
  });

  it('needs an activation', () => {
    for (const temperature of ['paper', 'normalized'] as Temperature[])
      expect(() => freeEnergyAt(tails(emptyHistogram()), [1], temperature)).toThrow(RangeError);
  });
});

describe('the log-spaced grid', () => {
  it.each(Object.entries(DISTRIBUTIONS))(
    'of %s has every eighth edge between the given sparsities',
    (_, values) => {
      const t = tailsOf(values);
      const bins = logGrid(t, GRID);
      const sparsity = (bin: number) => 1 - retainedFrom(t, bin).count / t.count[0]!;
      expect(bins.length).toBeGreaterThan(10);
      for (const [i, bin] of bins.entries()) {
        expect(bin % 8).toBe(0);
        if (i > 0) expect(bin).toBe(bins[i - 1]! + 8);
      }
      expect(sparsity(bins[0]!)).toBeGreaterThanOrEqual(0.02);
      expect(sparsity(bins[0]! - 8)).toBeLessThan(0.02);
      expect(sparsity(bins.at(-1)!)).toBeLessThanOrEqual(0.95);
      expect(sparsity(bins.at(-1)! + 8)).toBeGreaterThan(0.95);
    },
  );

  it('is empty without an activation and for a single magnitude', () => {
    expect(logGrid(tails(emptyHistogram()), GRID)).toEqual(new Int32Array(0));
    expect(logGrid(tailsOf(new Float32Array(50).fill(3)), GRID)).toEqual(new Int32Array(0));
  });

  it('takes a bin for each point of the finest', () => {
    const t = tailsOf(DISTRIBUTIONS.uniform!);
    const bins = logGrid(t, { perOctave: 64, sparsity: [0.5, 0.9] });
    expect(Array.from(bins)).toEqual(Array.from(bins, (_, i) => bins[0]! + i));
    expect(edgeOf(bins[0]!)).toBeCloseTo(0.5, 1);
    expect(bins.length).toBeGreaterThan(0.8 * (binOf(0.9) - binOf(0.5)));
  });
});
