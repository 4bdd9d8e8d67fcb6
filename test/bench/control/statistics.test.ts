import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { xorshift } from '../../../src/drift/xorshift.ts';
import { normal } from '../../drift/traffic.ts';
import { controlModule } from './module.ts';

const { betweenAndWithin } = await controlModule<{
  betweenAndWithin: (groups: readonly (readonly number[])[]) => {
    mean: number;
    standardError: number;
    spread: number;
  };
}>('report/statistics');

describe('betweenAndWithin', () => {
  it('finds no spread between groups that are alike, and the one that there is', () => {
    const random = xorshift(3);
    const groups = (between: number) =>
      Array.from({ length: 4000 }, () => {
        const mean = 10 + between * normal(random);
        return Array.from({ length: 3 }, () => mean + normal(random));
      });
    const alike = betweenAndWithin(groups(0));
    expect(alike.spread).toBeLessThan(0.02);
    expect(alike.standardError).toBeCloseTo(1 / Math.sqrt(12_000), 2);
    expect(betweenAndWithin(groups(2)).spread).toBeCloseTo(0.2, 2);
  });

  it('is about the mean of all values, and its spread has no unit', () => {
    const group = fc.array(fc.double({ min: 1, max: 9, noNaN: true }), { minLength: 3, maxLength: 3 });
    fc.assert(
      fc.property(fc.array(group, { minLength: 2, maxLength: 9 }), (groups) => {
        const { mean, spread, standardError } = betweenAndWithin(groups);
        const all = groups.flat();
        expect(mean).toBeCloseTo(all.reduce((a, b) => a + b) / all.length, 9);
        const scaled = betweenAndWithin(groups.map((values) => values.map((x) => 8 * x)));
        expect(scaled.spread).toBeCloseTo(spread, 9);
        expect(scaled.standardError).toBeCloseTo(8 * standardError, 9);
      }),
    );
  });
});
