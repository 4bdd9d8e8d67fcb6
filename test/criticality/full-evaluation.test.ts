import { describe, expect, it } from 'vitest';
import { criticality, DEFAULT_CRITICAL_POINT } from '../../src/criticality/critical-point.ts';
import { fullFeatures, prunedPoint } from '../../src/criticality/full-evaluation.ts';
import { BACKGROUND, lognormal, rayleigh, window, withAtoms } from './samples.ts';

describe('features of the pruned network', () => {
  const sites = [window(withAtoms(rayleigh, BACKGROUND), 1), window(lognormal, 2)];
  const slices = sites[0]!.map((h, slice) => [h, sites[1]![slice]!]);
  const { curve, features } = criticality(slices)!;
  const along = Array.from(curve.thresholds);

  it('are those of the dense run where no gate feeds another', () => {
    const points = along.map((threshold) => prunedPoint(threshold, slices));
    const full = fullFeatures(along, points, slices, DEFAULT_CRITICAL_POINT);
    expect(full.length).toBe(features.length);
    expect(features.length).toBeGreaterThan(0);
    for (const [i, { kind, threshold, sparsity }] of full.entries()) {
      expect(kind).toBe(features[i]!.kind);
      expect(threshold).toBe(features[i]!.threshold);
      expect(sparsity).toBeCloseTo(features[i]!.sparsity, 2);
    }
  });

  it('are the same from points that were kept as JSON', () => {
    const points = along.map((threshold) => prunedPoint(threshold, slices));
    const kept = JSON.parse(JSON.stringify(points));
    expect(fullFeatures(along, kept, slices, DEFAULT_CRITICAL_POINT)).toEqual(
      fullFeatures(along, points, slices, DEFAULT_CRITICAL_POINT),
    );
  });

  it('lie lower in τ where gates make later activations smaller: half of what they were, past half of τ*', () => {
    const smaller = [
      window(withAtoms(rayleigh, BACKGROUND), 1, { scale: 0.5 }),
      window(lognormal, 2, { scale: 0.5 }),
    ];
    const after = smaller[0]!.map((h, slice) => [h, smaller[1]![slice]!]);
    const points = along.map((threshold) => prunedPoint(threshold, after));
    const [first] = fullFeatures(along, points, slices, DEFAULT_CRITICAL_POINT);
    expect(first!.threshold).toBeLessThan(0.8 * features[0]!.threshold);
  });

  it('are none without thresholds, or with too few', () => {
    expect(fullFeatures([], [], slices, DEFAULT_CRITICAL_POINT)).toEqual([]);
    const two = along.slice(20, 22);
    const points = two.map((threshold) => prunedPoint(threshold, slices));
    expect(fullFeatures(two, points, slices, DEFAULT_CRITICAL_POINT)).toEqual([]);
  });
});
