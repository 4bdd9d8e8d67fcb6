import { describe, expect, it } from 'vitest';
import { binned } from '../../../src/estimator/binning.ts';
import { MeasuredByThreshold, MeasuredPruning } from '../../../src/loop/comparison/measured.ts';

describe('MeasuredPruning', () => {
  const histogram = binned(new Uint32Array(Float32Array.of(0, 0, 1, 2, 3, 4).buffer));

  it('sets what a pruned run kept against the dense run of the same request', () => {
    const measured = new MeasuredPruning(1);
    measured.add([histogram], [{ count: 3, sum: 9 }]);
    expect(measured.overall.sparsity).toBeCloseTo(1 / 4, 12);
    expect(measured.overall.zeroRatio).toBeCloseTo(2 / 6, 12);
    expect(measured.freeEnergy(2, 1)).toBeCloseTo(Math.log(9 / 10) - 0.5 * Math.log(3 / 4), 12);
  });

  it('forgets half within 64 requests', () => {
    const measured = new MeasuredPruning(1);
    for (let i = 0; i < 1000; i++) measured.add([histogram], [{ count: 4, sum: 10 }]);
    for (let i = 0; i < 64; i++) measured.add([histogram], [{ count: 0, sum: 0 }]);
    expect(measured.overall.sparsity).toBeCloseTo(0.5, 3);
  });

  it('knows nothing before the first run', () => {
    const measured = new MeasuredPruning(2);
    expect(measured.overall.sparsity).toBeNaN();
    expect(measured.sites.every((site) => Number.isNaN(site.sparsity))).toBe(true);
    expect(measured.freeEnergy(1, 1)).toBeNaN();
  });
});

describe('MeasuredByThreshold', () => {
  const histogram = binned(new Uint32Array(Float32Array.of(0, 1, 2, 3, 4).buffer));

  it('weighs each threshold by its share of production; what is dense adds nothing', () => {
    const measured = new MeasuredByThreshold(1);
    measured.at(2).add([histogram], [{ count: 3, sum: 9 }]);
    measured.at(3).add([histogram], [{ count: 2, sum: 7 }]);
    const all = (...parts: [number, number][]) => measured.weighted(parts).overall;
    expect(all([0, 1], [0, 0])).toBe(0);
    expect(all([2, 0.05], [0, 0.95])).toBeCloseTo(0.05 * 0.25, 12);
    expect(all([3, 0.25], [2, 0.75])).toBeCloseTo(0.25 * 0.5 + 0.75 * 0.25, 12);
    expect(measured.weighted([[3, 1]]).sites).toEqual([0.5]);
    expect(all([9, 1])).toBeNaN();
    measured.reset();
    expect(all([3, 1])).toBeNaN();
  });
});
