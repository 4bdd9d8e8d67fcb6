import { describe, expect, it } from 'vitest';
import { binned } from '../../../src/estimator/binning.ts';
import { AgreementWindow, MeasuredPruning, wilson } from '../../../src/loop/comparison/measured.ts';

describe('wilson', () => {
  it.each([
    [0, 0, 0, 1],
    [10, 10, 0.7225, 1],
    [0, 10, 0, 0.2775],
    [50, 100, 0.4038, 0.5962],
    [95, 100, 0.8882, 0.9785],
  ])('%i of %i', (successes, trials, low, high) => {
    const [lower, upper] = wilson(successes, trials);
    expect(lower).toBeCloseTo(low, 3);
    expect(upper).toBeCloseTo(high, 3);
  });
});

describe('AgreementWindow', () => {
  it('reads the mean over rows of the latest comparisons, old ones forgotten', () => {
    const window = new AgreementWindow(2);
    window.add({ rows: 1, agreed: 0, loss: 1, kl: 9, cosine: 0 });
    window.add({ rows: 1, agreed: 1, loss: 0, kl: 1, cosine: 1 });
    window.add({ rows: 3, agreed: 2, loss: 0.25, kl: 2, cosine: 0.5 });
    expect(window.reading).toMatchObject({
      comparisons: 2,
      ratio: 3 / 4,
      loss: 0.75 / 4,
      kl: 7 / 4,
      cosine: 2.5 / 4,
    });
  });

  it('knows nothing before the first comparison', () => {
    const { comparisons, ratio, lowerBound, upperBound } = new AgreementWindow(4).reading;
    expect([comparisons, ratio, lowerBound, upperBound]).toEqual([0, Number.NaN, 0, 1]);
  });
});

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

  it('knows nothing before the first run, and after a reset', () => {
    const measured = new MeasuredPruning(2);
    expect(measured.overall.sparsity).toBeNaN();
    measured.add(
      [histogram, histogram],
      [
        { count: 1, sum: 1 },
        { count: 1, sum: 1 },
      ],
    );
    measured.reset();
    expect(measured.sites.every((site) => Number.isNaN(site.sparsity))).toBe(true);
    expect(measured.freeEnergy(1, 1)).toBeNaN();
  });
});
