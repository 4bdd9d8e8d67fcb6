import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { derivative, extrema } from '../../src/criticality/features.ts';

const find = (...y: number[]) =>
  extrema(Float64Array.from(y)).map(({ kind, index, prominence }) => [kind, index, prominence]);

describe('extrema', () => {
  it.each([
    [[0, 1, 0], [['maximum', 1, 1]]],
    [[1, 0, 1], [['minimum', 1, 1]]],
    [[0, 1, 2], []],
    [[2, 1, 0], []],
    [[0, 2, 2, 1], [['maximum', 1, 1]]],
    [[0, 2, 2, 3], []],
    [
      [0, 5, 4, 6, 1],
      [
        ['maximum', 1, 1],
        ['minimum', 2, 1],
        ['maximum', 3, 5],
      ],
    ],
    [[3, 3, 3], []],
    [[], []],
  ] as [number[], unknown[]][])('of %j', (y, expected) => {
    expect(find(...y)).toEqual(expected);
  });

  it('has the prominence of its definition, by exhaustive search', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 20 }), { minLength: 3, maxLength: 25 }), (y) => {
        for (const { kind, index, prominence } of extrema(Float64Array.from(y))) {
          const z = kind === 'maximum' ? y : y.map((v) => -v);
          const side = (points: number[]) => {
            const higher = points.findIndex((v) => v > z[index]!);
            return Math.min(z[index]!, ...(higher < 0 ? points : points.slice(0, higher)));
          };
          const base = Math.max(side(z.slice(0, index).reverse()), side(z.slice(index + 1)));
          expect(prominence).toBe(z[index]! - base);
        }
      }),
    );
  });

  it('turns with the curve, and does not see a constant', () => {
    const curves = fc.array(fc.integer({ min: -9, max: 9 }), { minLength: 3, maxLength: 30 });
    fc.assert(
      fc.property(curves, fc.integer({ min: -5, max: 5 }), (y, c) => {
        const upright = find(...y.map((v) => v + c));
        const flipped = find(...y.map((v) => -v));
        expect(upright).toEqual(find(...y));
        expect(
          flipped.map(([kind, index, p]) => [kind === 'maximum' ? 'minimum' : 'maximum', index, p]),
        ).toEqual(upright);
      }),
    );
  });

  it('alternate between maxima and minima', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 9 }), { maxLength: 40 }), (y) => {
        const kinds = extrema(Float64Array.from(y)).map((e) => e.kind);
        expect(kinds.every((kind, i) => i === 0 || kind !== kinds[i - 1])).toBe(true);
      }),
    );
  });
});

describe('derivative', () => {
  it('is exact on straight lines over an uneven grid', () => {
    const x = Float64Array.of(0, 1, 3, 7);
    expect(
      derivative(
        x,
        x.map((v) => 2 * v - 1),
      ),
    ).toEqual(Float64Array.of(2, 2, 2, 2));
  });
});
