import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { consoleModule } from './console-module.ts';

interface CurvePoint {
  readonly threshold: number;
  readonly sparsity: number;
  readonly freeEnergy: number | null;
  readonly continuous: number | null;
}
type Quantity = 'sparsity' | 'freeEnergy' | 'continuous';
type Interval = readonly [number, number];

const { curvePoints, freeEnergyDomain, thresholdAt, valueAt } = await consoleModule<{
  curvePoints(curve: object | null): CurvePoint[];
  freeEnergyDomain(points: readonly CurvePoint[]): Interval;
  thresholdAt(points: readonly CurvePoint[], sparsity: number): number | null;
  valueAt(points: readonly CurvePoint[], threshold: number, quantity: Quantity): number | null;
}>('curve-model');
const POINTS = curvePoints({
  thresholds: [0.1, 0.2, 0.4],
  sparsity: [0.1, 0.3, 0.7],
  freeEnergy: [1, 3, null],
  continuous: [1, 2, -2],
  internalEnergy: [0, 0, 0],
  scale: 1,
});

describe('curve', () => {
  it('is read at a point, half an octave after it, and not outside', () => {
    expect(valueAt(POINTS, 0.2, 'freeEnergy')).toBe(3);
    expect(valueAt(POINTS, 0.1 * Math.SQRT2, 'freeEnergy')).toBeCloseTo(2, 12);
    expect(valueAt(POINTS, 0.2 * Math.SQRT2, 'sparsity')).toBeCloseTo(0.5, 12);
    expect(valueAt(POINTS, 0.2 * Math.SQRT2, 'freeEnergy')).toBeNull();
    expect(valueAt(POINTS, 0.05, 'sparsity')).toBeNull();
    expect(valueAt(POINTS, 0.5, 'sparsity')).toBeNull();
    expect(valueAt([], 0.5, 'sparsity')).toBeNull();
  });

  it('gives the threshold of a sparsity as the inverse of the sparsity of a threshold', () => {
    fc.assert(
      fc.property(fc.double({ min: 0.1, max: 0.4, noNaN: true }), (threshold) => {
        const sparsity = valueAt(POINTS, threshold, 'sparsity')!;
        expect(thresholdAt(POINTS, sparsity)).toBeCloseTo(threshold, 9);
      }),
    );
    expect(thresholdAt(POINTS, 0.05)).toBeNull();
    expect(thresholdAt(POINTS, 0.8)).toBeNull();
  });

  it('fits into its domain with a margin on both sides', () => {
    expect(freeEnergyDomain(POINTS)[0]).toBeCloseTo(-2.4, 12);
    expect(freeEnergyDomain(POINTS)[1]).toBeCloseTo(3.4, 12);
    expect(freeEnergyDomain([])).toEqual([0, 1]);
    expect(curvePoints(null)).toEqual([]);
  });
});
