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
type Scale = (value: number) => number;

const { curvePoints, freeEnergyDomain, thresholdAt, valueAt } = await consoleModule<{
  curvePoints(curve: object | null): CurvePoint[];
  freeEnergyDomain(points: readonly CurvePoint[]): Interval;
  thresholdAt(points: readonly CurvePoint[], sparsity: number): number | null;
  valueAt(points: readonly CurvePoint[], threshold: number, quantity: Quantity): number | null;
}>('curve-model');
const { linearScale, linearTicks, logScale, logTicks, pathThrough, thinned } = await consoleModule<{
  linearScale(domain: Interval, range: Interval): Scale;
  logScale(domain: Interval, range: Interval): Scale;
  linearTicks(domain: Interval, count: number): number[];
  logTicks(domain: Interval): number[];
  pathThrough(points: readonly (Interval | null)[]): string;
  thinned(ticks: readonly number[], scale: Scale, gap: number): number[];
}>('scale');

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

describe('scales', () => {
  it('map the ends of the domain to the ends of the range', () => {
    const linear = linearScale([2, 4], [100, 0]);
    expect([linear(2), linear(3), linear(4)]).toEqual([100, 50, 0]);
    const log = logScale([0.01, 1], [0, 200]);
    expect(log(0.01)).toBeCloseTo(0, 9);
    expect(log(0.1)).toBeCloseTo(100, 9);
    expect(log(1)).toBeCloseTo(200, 9);
    expect(linearScale([3, 3], [5, 9])(3)).toBe(5);
  });

  it('tick round values in their domain', () => {
    expect(linearTicks([-0.13, 0.92], 5)).toEqual([0, 0.5]);
    expect(linearTicks([0, 1], 5)).toEqual([0, 0.2, 0.4, 0.6, 0.8, 1]);
    expect(logTicks([0.04, 1.7])).toEqual([0.05, 0.1, 0.2, 0.5, 1]);
    expect(logTicks([0.9, 2.1])).toEqual([1, 1.5, 2]);
    expect(linearTicks([3, 3], 5)).toEqual([3]);
  });

  it('never tick outside, nor too often', () => {
    const ends = fc.tuple(
      fc.double({ min: -1e6, max: 1e6, noNaN: true }),
      fc.double({ min: 1e-3, max: 1e6, noNaN: true }),
    );
    fc.assert(
      fc.property(ends, fc.integer({ min: 2, max: 10 }), ([low, width], count) => {
        const ticks = linearTicks([low, low + width], count);
        const slack = width * 1e-6 + Math.abs(low) * 1e-9;
        for (const tick of ticks) {
          expect(tick).toBeGreaterThanOrEqual(low - slack);
          expect(tick).toBeLessThanOrEqual(low + width + slack);
        }
        expect(ticks.length).toBeLessThanOrEqual(count + 1);
      }),
    );
  });

  it('leave room between labels', () => {
    expect(thinned([1, 2, 3, 10], (value) => value * 10, 25)).toEqual([1, 10]);
    expect(thinned([1, 2, 3, 10], (value) => value * 10, 5)).toEqual([1, 2, 3, 10]);
  });
});

describe('path', () => {
  it('is broken where a value is not known, and shows a lone point', () => {
    expect(pathThrough([[0, 1], [2, 3.04], null, [5, 6], null])).toBe(
      'M0.0,1.0L0.0,1.0L2.0,3.0M5.0,6.0L5.0,6.0',
    );
    expect(pathThrough([null, null])).toBe('');
  });
});
