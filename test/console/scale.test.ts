import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { linearScale, linearTicks, logScale, logTicks, pathThrough, thinned } from '../../console/scale.js';

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

  it.each([
    [[0, 1], 5, [0, 0.2, 0.4, 0.6, 0.8, 1]],
    [[0, 1.79], 6, [0, 0.5, 1, 1.5]],
    [[-0.62, 0.95], 5, [-0.5, 0, 0.5]],
    [[-0.13, 0.92], 5, [0, 0.5]],
    [[-1500, 4200], 5, [0, 2000, 4000]],
    [[0, 0.0031], 6, [0, 0.001, 0.002, 0.003]],
    [[0, 0.6], 6, [0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6]],
    [[3, 3], 5, [3]],
  ])('of %j tick round values, about %d', ([low, high], count, expected) => {
    expect(linearTicks([low!, high!], count)).toEqual(expected);
  });

  it('of logarithms tick 1, 2, 5 per decade, or more digits where those are few', () => {
    expect(logTicks([0.04, 1.7])).toEqual([0.05, 0.1, 0.2, 0.5, 1]);
    expect(logTicks([0.9, 2.1])).toEqual([1, 1.5, 2]);
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
