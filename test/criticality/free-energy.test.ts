import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { freeEnergyCurve, logGrid } from '../../src/criticality/free-energy.ts';
import { firstTransition, freeEnergyAt, linearGrid } from '../../src/criticality/paper-rule.ts';
import { BinCounter } from '../../src/estimator/bin-counter.ts';
import { binOf, edgeOf } from '../../src/estimator/bins.ts';
import { emptyHistogram, mergeAll, tails } from '../../src/estimator/histogram.ts';
import { bitsOf, DISTRIBUTIONS } from '../estimator/distributions.ts';
import { exponential, window } from './samples.ts';

const counter = new BinCounter();

/** F(τ) straight from the definition, over all activations. */
function byDefinition(values: Float32Array, threshold: number, scale: number) {
  let n = 0;
  let m = 0;
  let s0 = 0;
  let s = 0;
  for (const value of values) {
    const a = Math.abs(value);
    if (!(a >= edgeOf(1) && a < Number.POSITIVE_INFINITY)) continue;
    n++;
    s0 += a;
    if (a < threshold) continue;
    m++;
    s += a;
  }
  return Math.log(s / s0) - (scale / threshold) * Math.log(m / n);
}

describe.each(Object.entries(DISTRIBUTIONS))('%s', (_, values) => {
  it('has the F of the definition at bin edges, in both temperatures, to 1e-9', () => {
    const t = tails(counter.histogram(bitsOf(values)));
    const bins = logGrid(t, { perOctave: 4, sparsity: [0, 0.999] });
    expect(bins.length).toBeGreaterThan(10);
    for (const temperature of ['paper', 'normalized'] as const) {
      const curve = freeEnergyCurve(t, bins, temperature);
      for (let i = 0; i < bins.length; i += 3) {
        const exact = byDefinition(values, curve.thresholds[i]!, curve.scale);
        expect(Math.abs(curve.freeEnergy[i]! - exact)).toBeLessThanOrEqual(
          1e-9 * Math.max(1, Math.abs(exact)),
        );
      }
    }
  });
});

describe('temperature', () => {
  it('normalized makes F independent of scale: powers of two move the curve along τ, bit for bit', () => {
    fc.assert(
      fc.property(fc.integer({ min: -20, max: 20 }), (octaves) => {
        const values = DISTRIBUTIONS.halfNormal!;
        const curveOf = (v: Float32Array) => {
          const t = tails(counter.histogram(bitsOf(v)));
          return freeEnergyCurve(t, logGrid(t, { perOctave: 8, sparsity: [0.02, 0.95] }), 'normalized');
        };
        const base = curveOf(values);
        const scaled = curveOf(values.map((x) => x * 2 ** octaves));
        expect(scaled.freeEnergy).toEqual(base.freeEnergy);
        expect(scaled.thresholds[0]! / base.thresholds[0]!).toBe(2 ** octaves);
      }),
      { numRuns: 20 },
    );
  });

  it('needs an activation', () => {
    expect(() => freeEnergyCurve(tails(emptyHistogram()), Int32Array.of(8000), 'paper')).toThrow(RangeError);
  });
});

describe('the exponential distribution', () => {
  it('has F(x) = 1 + ln(1 + x) − x in units of its mean: no extremum', () => {
    const all = mergeAll(window(exponential, 5, { perSlice: 200_000 }));
    const t = tails(all);
    const curve = freeEnergyCurve(t, logGrid(t, { perOctave: 4, sparsity: [0.1, 0.95] }), 'normalized');
    for (const [i, threshold] of curve.thresholds.entries()) {
      const x = threshold / curve.scale;
      expect(curve.freeEnergy[i]!).toBeCloseTo(1 + Math.log1p(x) - x, 1);
    }
  });
});

describe('the linear grid', () => {
  const all = mergeAll(window(exponential, 3, { perSlice: 5000 }));

  it('has 40 increasing thresholds on bin edges, up to a sparsity of 95 %', () => {
    const grid = linearGrid(all);
    expect(grid.length).toBe(40);
    for (const [i, threshold] of grid.entries()) {
      expect(edgeOf(binOf(threshold))).toBe(threshold);
      if (i > 0) expect(threshold).toBeGreaterThan(grid[i - 1]!);
    }
    const { sparsity } = freeEnergyAt(all, grid, 'paper');
    expect(sparsity.at(-1)!).toBeGreaterThan(0.93);
    expect(sparsity.at(-1)!).toBeLessThanOrEqual(0.95);
  });

  it.each([
    [[1, 2, 3], null],
    [[3, 2, 1], null],
    [[1, 3, 2], { index: 1, kind: 'maximum' }],
    [[3, 1, 2], { index: 1, kind: 'minimum' }],
    [[1, 2, 3, 2, 5], { index: 2, kind: 'maximum' }],
    [[1, 1, 1], null],
  ])('first transition of %j', (values, expected) => {
    expect(firstTransition(Float64Array.from(values))).toEqual(expected);
  });
});
