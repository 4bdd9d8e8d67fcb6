import { describe, expect, it } from 'vitest';
import { criticality, DEFAULT_CRITICAL_POINT } from '../../src/criticality/critical-point.ts';
import { freeEnergyFrom, fullFeatures, prunedPoint } from '../../src/criticality/full-evaluation.ts';
import { mergeAll } from '../../src/estimator/histogram.ts';
import { halfNormal, window } from './samples.ts';

describe('free energy from counts', () => {
  it('is ln(Σ/Σ₀) − (s/τ)·ln(M/N)', () => {
    const retained = [
      { count: 50, sum: 90 },
      { count: 10, sum: 40 },
    ];
    const dense = { count: 100, sum: 100 };
    const normalized = freeEnergyFrom([0.5, 2], retained, dense, 'normalized');
    expect(normalized.freeEnergy[0]).toBeCloseTo(Math.log(0.9) - 2 * Math.log(0.5), 12);
    expect(normalized.freeEnergy[1]).toBeCloseTo(Math.log(0.4) - 0.5 * Math.log(0.1), 12);
    expect([...normalized.sparsity]).toEqual([0.5, 0.9]);
    expect(normalized.internalEnergy[1]).toBeCloseTo(Math.log(0.4), 12);
    const paper = freeEnergyFrom([0.5, 2], retained, { count: 100, sum: 400 }, 'paper');
    expect(paper.freeEnergy[0]).toBeCloseTo(Math.log(0.225) - 2 * Math.log(0.5), 12);
    expect(paper.scale).toBe(1);
  });

  it('does not exist where nothing remains, and needs as many counts as thresholds', () => {
    const curve = freeEnergyFrom([1], [{ count: 0, sum: 0 }], { count: 3, sum: 3 }, 'paper');
    expect(curve.freeEnergy[0]).toBeNaN();
    expect(curve.sparsity[0]).toBe(1);
    expect(() => freeEnergyFrom([1, 2], [{ count: 1, sum: 1 }], { count: 3, sum: 3 }, 'paper')).toThrow(
      '2 thresholds, 1 counts',
    );
  });
});

describe('features of the full evaluation', () => {
  const slices = window(halfNormal, 11);
  const renormalized = criticality(slices)!;
  const thresholds = Array.from(renormalized.curve.thresholds);

  it('are the renormalized ones when pruning changes no later activation', () => {
    const points = thresholds.map((threshold) => prunedPoint(threshold, slices));
    const features = fullFeatures(thresholds, points, slices, DEFAULT_CRITICAL_POINT);
    expect(renormalized.critical).not.toBeNull();
    expect(features).toHaveLength(renormalized.features.length);
    for (const [i, feature] of features.entries()) {
      const expected = renormalized.features[i]!;
      expect(feature).toMatchObject({ kind: expected.kind, threshold: expected.threshold });
      expect(feature.sparsity).toBeCloseTo(expected.sparsity, 12);
      expect(feature.prominence).toBeCloseTo(expected.prominence, 9);
    }
  });

  it('move when pruning takes from the later activations', () => {
    const shrunk = window(halfNormal, 11, { scale: 0.25 });
    const points = thresholds.map((threshold) => prunedPoint(threshold, threshold < 0.5 ? slices : shrunk));
    const [first] = fullFeatures(thresholds, points, slices, DEFAULT_CRITICAL_POINT);
    expect(first?.threshold).not.toBe(renormalized.features[0]!.threshold);
  });

  it('a point counts exactly what lies from the bin edge up', () => {
    const point = prunedPoint(0.5, slices);
    const all = mergeAll(slices);
    expect(point.retained.count / all.counts.reduce((a, b) => a + b)).toBeCloseTo(0.617, 2);
    expect(point.continuous).toHaveLength(slices.length);
    expect(point.continuous.reduce((n, { count }) => n + count, 0)).toBeCloseTo(point.retained.count, 6);
  });

  it('there are none on fewer than three points', () => {
    const points = thresholds.slice(0, 2).map((threshold) => prunedPoint(threshold, slices));
    expect(fullFeatures(thresholds.slice(0, 2), points, slices, DEFAULT_CRITICAL_POINT)).toEqual([]);
  });
});
