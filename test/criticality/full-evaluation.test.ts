import { describe, expect, it } from 'vitest';
import { criticality, DEFAULT_CRITICAL_POINT } from '../../src/criticality/critical-point.ts';
import { freeEnergyFrom, fullFeatures, prunedPoint } from '../../src/criticality/full-evaluation.ts';
import { freeEnergyAt } from '../../src/criticality/paper-rule.ts';
import { binned } from '../../src/estimator/binning.ts';
import { edgeOf } from '../../src/estimator/bins.ts';
import { bitsOf, DISTRIBUTIONS } from '../estimator/distributions.ts';
import { retainedBySorting, sortedMagnitudes } from '../estimator/sorted.ts';
import { BACKGROUND, lognormal, rayleigh, window, withAtoms } from './samples.ts';

const h = binned(bitsOf(DISTRIBUTIONS.halfNormal!));
const thresholds = [7900, 8000, 8050, 8128, 8200].map(edgeOf);
const sorted = sortedMagnitudes([DISTRIBUTIONS.halfNormal!]);
const dense = { count: sorted.values.length, sum: sorted.sums[0]! };

describe('F from counts taken at each threshold', () => {
  it.each(['paper', 'normalized'] as const)(
    'of the unpruned network is the renormalized F (%s)',
    (temperature) => {
      const curve = freeEnergyFrom(thresholds, retainedBySorting(sorted, thresholds), dense, temperature);
      const renormalized = freeEnergyAt(h, thresholds, temperature);
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
