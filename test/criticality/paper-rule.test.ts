import { describe, expect, it } from 'vitest';
import { freeEnergyAt } from '../../src/criticality/free-energy.ts';
import {
  firstTransition,
  linearGrid,
  PAPER_STEPS,
  paperCriticality,
} from '../../src/criticality/paper-rule.ts';
import { binned } from '../../src/estimator/binning.ts';
import { binOf, edgeOf } from '../../src/estimator/bins.ts';
import { emptyHistogram, mergeAll, tails } from '../../src/estimator/histogram.ts';
import { bitsOf } from '../estimator/distributions.ts';
import { ANALYTIC, analyticFreeEnergy, argmax, expectedHistogram } from './analytic.ts';
import { exponential, window } from './samples.ts';

describe('the linear grid', () => {
  const all = mergeAll(window(exponential, 3, { perSlice: 5000 }));

  it.each([1, 7, PAPER_STEPS, 400])('of %i steps has increasing thresholds on bin edges', (steps) => {
    const grid = linearGrid(all, steps);
    expect(grid.length).toBeLessThanOrEqual(steps);
    expect(grid.length).toBeGreaterThan(Math.min(steps, 150) - 1);
    for (const [i, threshold] of grid.entries()) {
      expect(edgeOf(binOf(threshold))).toBe(threshold);
      if (i > 0) expect(threshold).toBeGreaterThan(grid[i - 1]!);
    }
  });

  it('has the edges nearest to Δτ, 2Δτ … up to the last that leaves 5 %', () => {
    const grid = linearGrid(all);
    expect(grid.length).toBe(40);
    const last = grid.at(-1)!;
    for (const [i, threshold] of grid.entries())
      expect(Math.abs(Math.log(threshold / (((i + 1) / 40) * last)))).toBeLessThan(1 / 64);
    const { sparsity } = freeEnergyAt(tails(all), [last, edgeOf(binOf(last) + 1)], 'paper');
    expect(sparsity[0]!).toBeLessThanOrEqual(0.95);
    expect(sparsity[1]!).toBeGreaterThan(0.95);
  });

  it('is one point where there is one magnitude', () => {
    const grid = linearGrid(binned(bitsOf(new Float32Array(9).fill(1))), 1);
    expect(grid).toEqual([1]);
  });
});

describe('the first transition', () => {
  it.each([
    [[1, 2, 3], null],
    [[3, 2, 1], null],
    [[1, 1, 1], null],
    [[], null],
    [[5], null],
    [[1, 2], null],
    [[1, 3, 2], { index: 1, kind: 'maximum' }],
    [[3, 1, 2], { index: 1, kind: 'minimum' }],
    [[1, 2, 3, 2, 5], { index: 2, kind: 'maximum' }],
    [[5, 4, 4.5, 4, 6], { index: 1, kind: 'minimum' }],
    [[0, 1, 1, 0], { index: 1, kind: 'maximum' }],
    [[2, 1, 1, 1, 3], { index: 1, kind: 'minimum' }],
    [[0, 0, 1, 1, 2, 1], { index: 4, kind: 'maximum' }],
    [[0, 1, 1, 2], null],
    [[0, 0, 1], null],
    [[Number.NaN, 1, 2, 1], { index: 2, kind: 'maximum' }],
    [[1, 2, 3, Number.NaN], null],
  ] as const)('of %j is %j', (values, expected) => {
    expect(firstTransition(Float64Array.from(values))).toEqual(expected);
  });
});

describe('the paper’s rule', () => {
  it.each([
    [0.25, 0.89],
    [1, 0.27],
    [2, 0.13],
    [8, 0.03],
  ])('makes β* depend on the unit: half-normal with σ = %d has β* = %d', (scale, expected) => {
    const { halfNormal } = ANALYTIC;
    const { critical } = paperCriticality([expectedHistogram(halfNormal, scale)], 'paper', 400)!;
    const exact = argmax(analyticFreeEnergy(halfNormal, scale, 'paper'), 0.001 * scale, 5 * scale);
    expect(critical!.feature).toBe('maximum');
    expect(critical!.sparsity).toBeCloseTo(expected, 2);
    expect(1 - halfNormal.survival(exact / scale)).toBeCloseTo(expected, 2);
  });

  it('is told the same by any unit when the temperature is normalized', () => {
    const of = (scale: number) =>
      paperCriticality([expectedHistogram(ANALYTIC.halfNormal, scale)], 'normalized', 400)!.critical!;
    for (const scale of [0.25, 2, 8]) expect(of(scale).sparsity).toBeCloseTo(of(1).sparsity, 9);
    expect(of(1).sparsity).toBeCloseTo(0.212, 2);
  });

  it('finds nothing where F is monotone', () => {
    const result = paperCriticality([expectedHistogram(ANALYTIC.exponential)], 'paper')!;
    expect(result.critical).toBeNull();
    expect(result.features).toEqual([]);
    expect(result.curve.thresholds.length).toBe(40);
  });

  it('gives one step to either side as the interval, and the prominence', () => {
    const { critical, features, curve } = paperCriticality([expectedHistogram(ANALYTIC.uniform)], 'paper')!;
    const index = curve.thresholds.indexOf(critical!.threshold);
    expect(critical!.interval).toEqual([curve.thresholds[index - 1], curve.thresholds[index + 1]]);
    const F = curve.freeEnergy;
    const sides = Math.max(F[0]!, F.at(-1)!);
    const range = Math.max(...F) - Math.min(...F);
    expect(features[0]!.prominence).toBeCloseTo((F[index]! - sides) / range, 12);
  });

  it('is null without an activation, and finds nothing in a single magnitude', () => {
    expect(paperCriticality([emptyHistogram()], 'paper')).toBeNull();
    const one = binned(bitsOf(new Float32Array(9).fill(3)));
    expect(paperCriticality([one], 'normalized')!.critical).toBeNull();
  });
});
