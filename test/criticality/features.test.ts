import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { derivative, extrema, parabolaAt } from '../../src/criticality/features.ts';
import { axis, steps } from './axes.ts';

const curves = fc.array(fc.integer({ min: -9, max: 9 }), { minLength: 3, maxLength: 30 });
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
    [[7], []],
    [[2, 2, 1], []],
    [[1, 2, 2], []],
    [[1, 1, 3, 0, 0], [['maximum', 2, 2]]],
    [[4, 2, 2, 2, 3], [['minimum', 1, 1]]],
    [
      [0, 3, 1, 3, 0],
      [
        ['maximum', 1, 3],
        ['minimum', 2, 2],
        ['maximum', 3, 3],
      ],
    ],
    [
      [9, 3, 5, 1, 8],
      [
        ['minimum', 1, 2],
        ['maximum', 2, 2],
        ['minimum', 3, 7],
      ],
    ],
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

  it('has prominences that scale with the curve', () => {
    fc.assert(
      fc.property(curves, fc.integer({ min: 1, max: 9 }), (y, c) => {
        const scaled = find(...y.map((v) => c * v));
        expect(scaled).toEqual(find(...y).map(([kind, index, p]) => [kind, index, c * (p as number)]));
      }),
    );
  });

  it('are the same seen from the other end, on curves without plateaus', () => {
    const distinct = fc.uniqueArray(fc.integer({ min: -50, max: 50 }), { minLength: 3, maxLength: 30 });
    fc.assert(
      fc.property(distinct, (y) => {
        const mirrored = find(...[...y].reverse()).map(([kind, i, p]) => [
          kind,
          y.length - 1 - (i as number),
          p,
        ]);
        expect(mirrored.reverse()).toEqual(find(...y));
      }),
    );
  });

  it('name the point that gives the prominence: the lower the way down, the larger', () => {
    fc.assert(
      fc.property(curves, (y) => {
        for (const { kind, index, base, prominence } of extrema(Float64Array.from(y)))
          expect(prominence).toBe((kind === 'maximum' ? 1 : -1) * (y[index]! - y[base]!));
      }),
    );
  });

  it('are as prominent as the whole curve when they are its highest and lowest, inside of two such edges', () => {
    fc.assert(
      fc.property(curves, (inner) => {
        const y = [-20, ...inner, -20];
        const highest = Math.max(
          ...find(...y).map(([kind, , p]) => (kind === 'maximum' ? (p as number) : 0)),
        );
        expect(highest).toBe(Math.max(...inner) + 20);
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
  it('is central inside and one-sided at the ends', () => {
    const x = Float64Array.of(0, 1, 2, 4);
    expect(derivative(x, Float64Array.of(0, 1, 4, 16))).toEqual(Float64Array.of(1, 2, 5, 6));
  });

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

describe('the parabola through an extremum', () => {
  it('is exact for a parabola on any grid', () => {
    fc.assert(
      fc.property(steps, fc.double({ min: 0, max: 1, noNaN: true }), (increments, where) => {
        const x = axis(increments);
        const top = x[0]! + where * (x.at(-1)! - x[0]!);
        const y = x.map((at) => -3 * (at - top) ** 2);
        for (const { index } of extrema(y)) {
          const { vertex, curvature, slopeAt } = parabolaAt(x, y, index);
          expect(vertex).toBeCloseTo(top, 6);
          expect(curvature).toBeCloseTo(-6, 6);
          expect(slopeAt(top + 1)).toBeCloseTo(-6, 6);
        }
      }),
    );
  });

  it('has its vertex between the middles to either side, of a minimum as of a maximum, and half-way on a plateau', () => {
    const x = Float64Array.of(0, 1, 3);
    const at = (...y: number[]) => parabolaAt(x, Float64Array.from(y), 1).vertex;
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 9 }), fc.integer({ min: 0, max: 9 }), (left, right) => {
        fc.pre(left + right > 0);
        expect(at(-left, 0, -right)).toBeGreaterThanOrEqual(0.5);
        expect(at(-left, 0, -right)).toBeLessThanOrEqual(2);
        expect(at(left, 0, right)).toBe(at(-left, 0, -right));
      }),
    );
    expect(at(0, 5, 5)).toBe(2);
  });
});
