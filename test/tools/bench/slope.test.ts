import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { leastSquaresSlope, secondHalf } from '../../../src/tools/bench/slope.ts';

describe('leastSquaresSlope', () => {
  it('is the closed form', () => {
    const points = [
      { x: 0, y: 1 },
      { x: 1, y: 3 },
      { x: 2, y: 2 },
    ];
    expect(leastSquaresSlope(points)).toBe(0.5);
  });

  it('is exact on a line, however large the offset', () => {
    const line = (a: number) => Array.from({ length: 50 }, (_, x) => ({ x, y: 2 ** 40 + a * x }));
    void fc.assert(
      fc.property(fc.integer({ min: -1000, max: 1000 }), (a) => {
        expect(leastSquaresSlope(line(a))).toBeCloseTo(a, 9);
      }),
    );
  });

  it('does not depend on where x and y begin', () => {
    const point = fc.record({ x: fc.nat(1000), y: fc.integer({ min: -1000, max: 1000 }) });
    const points = fc.uniqueArray(point, { minLength: 2, maxLength: 30, selector: ({ x }) => x });
    void fc.assert(
      fc.property(points, fc.nat(1000), fc.nat(1000), (ps, dx, dy) => {
        const moved = ps.map(({ x, y }) => ({ x: x + dx, y: y + dy }));
        expect(leastSquaresSlope(moved)).toBeCloseTo(leastSquaresSlope(ps), 6);
      }),
    );
  });

  it('is NaN where all points share one x', () => {
    expect(leastSquaresSlope([{ x: 1, y: 1 }])).toBeNaN();
    expect(leastSquaresSlope([])).toBeNaN();
  });
});

describe('secondHalf', () => {
  it('is by x, not by number', () => {
    const points = [0, 1, 2, 3, 4, 100].map((x) => ({ x, y: 0 }));
    expect(secondHalf(points).map(({ x }) => x)).toEqual([100]);
    const even = [0, 10, 20, 30, 40].map((x) => ({ x, y: 0 }));
    expect(secondHalf(even).map(({ x }) => x)).toEqual([20, 30, 40]);
  });
});
