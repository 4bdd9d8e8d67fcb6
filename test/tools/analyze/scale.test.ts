import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { domainOf, linearScale, ticks } from '../../../src/tools/analyze/scale.ts';

describe('ticks', () => {
  it.each([
    [[0, 1], 5, [0, 0.2, 0.4, 0.6, 0.8, 1]],
    [[0, 1.79], 6, [0, 0.5, 1, 1.5]],
    [[-0.62, 0.95], 5, [-0.5, 0, 0.5]],
    [[-1500, 4200], 5, [0, 2000, 4000]],
    [[0, 0.0031], 6, [0, 0.001, 0.002, 0.003]],
  ])('of %j, about %d', (domain, count, expected) => {
    expect(ticks(domain as [number, number], count)).toEqual(expected);
  });

  it('are evenly spaced, inside the domain and never many', () => {
    fc.assert(
      fc.property(
        fc.double({ min: -1e6, max: 1e6, noNaN: true }),
        fc.double({ min: 1e-3, max: 1e6, noNaN: true }),
        (low, span) => {
          const found = ticks([low, low + span], 6);
          expect(found.length).toBeLessThanOrEqual(8);
          for (const tick of found) {
            expect(tick).toBeGreaterThanOrEqual(low - span * 1e-6);
            expect(tick).toBeLessThanOrEqual(low + span * (1 + 1e-6));
          }
        },
      ),
    );
  });
});

describe('scales', () => {
  it('map the ends of the domain on the ends of the range', () => {
    const { of } = linearScale([2, 4], [100, 0]);
    expect([of(2), of(3), of(4)]).toEqual([100, 50, 0]);
  });

  it('leave out what is not finite, and are never empty', () => {
    expect(domainOf([1, Number.NaN, 3, Number.NEGATIVE_INFINITY], 0)).toEqual([1, 3]);
    expect(domainOf([])).toEqual([0, 1]);
    const [low, high] = domainOf([5, 5]);
    expect(high).toBeGreaterThan(low);
  });
});
