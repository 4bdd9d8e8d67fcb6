import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BIN_COUNT, binOf, edgeOf, NON_FINITE_BIN, nearestEdge, ulpOf } from '../../src/estimator/bins.ts';

describe('bins', () => {
  it('have edges that increase by 64 per octave over all of float32', () => {
    for (let bin = 1; bin <= NON_FINITE_BIN; bin++) {
      if (!(edgeOf(bin) > edgeOf(bin - 1)))
        expect(edgeOf(bin), `bin ${bin}`).toBeGreaterThan(edgeOf(bin - 1));
    }
    expect(edgeOf(0)).toBe(0);
    expect(edgeOf(1)).toBe(2 ** -132);
    expect(edgeOf(127 * 64)).toBe(1);
    expect(edgeOf(128 * 64)).toBe(2);
    expect(edgeOf(NON_FINITE_BIN)).toBe(Number.POSITIVE_INFINITY);
    expect(NON_FINITE_BIN).toBeLessThan(BIN_COUNT);
  });

  it('hold every magnitude as edge + r·ulp with an integer r below 2^17', () => {
    fc.assert(
      fc.property(fc.float({ noNaN: true, noDefaultInfinity: true }), (x) => {
        const bin = binOf(x);
        const residual = (Math.abs(x) - edgeOf(bin)) / ulpOf(bin);
        expect(Number.isInteger(residual)).toBe(true);
        expect(residual).toBeGreaterThanOrEqual(0);
        expect(residual).toBeLessThan(1 << 17);
      }),
    );
  });

  it('contain their own lower edge and end just below the next, all of them', () => {
    const word = new Uint32Array(1);
    const float = new Float32Array(word.buffer);
    const wrong: number[] = [];
    for (let bin = 0; bin < NON_FINITE_BIN; bin++) {
      word[0] = ((bin + 1) << 17) - 1;
      const last = float[0]!;
      const isWhole =
        binOf(edgeOf(bin)) === bin &&
        binOf(last) === bin &&
        binOf(-last) === bin &&
        last + ulpOf(bin) === (bin + 1 === NON_FINITE_BIN ? 2 ** 128 : edgeOf(bin + 1)) &&
        edgeOf(bin) + 0x1ffff * ulpOf(bin) === last;
      if (!isWhole) wrong.push(bin);
    }
    expect(wrong).toEqual([]);
  });

  it('are 0.8–1.6 % wide outside of the subnormals', () => {
    const widths = Array.from({ length: NON_FINITE_BIN - 65 }, (_, i) => edgeOf(65 + i) / edgeOf(64 + i) - 1);
    expect(Math.min(...widths)).toBeCloseTo(1 / 127, 12);
    expect(Math.max(...widths)).toBe(1 / 64);
  });

  it('double every 64 bins', () => {
    for (let bin = 64; bin + 64 < NON_FINITE_BIN; bin += 7) expect(edgeOf(bin + 64)).toBe(2 * edgeOf(bin));
  });

  it('round a threshold to the edge that is nearer on a log scale', () => {
    expect(nearestEdge(1.001)).toBe(1);
    expect(nearestEdge(1.015)).toBe(1 + 1 / 64);
    expect(nearestEdge(0)).toBe(0);
    fc.assert(
      fc.property(fc.float({ min: 2 ** -100, max: 2 ** 100, noNaN: true }), (x) => {
        const nearest = nearestEdge(x);
        const bin = binOf(nearest);
        expect(edgeOf(bin)).toBe(nearest);
        const away = (edge: number) => Math.abs(Math.log(x / edge));
        expect(away(nearest)).toBeLessThanOrEqual(away(edgeOf(bin - 1)) + 1e-12);
        expect(away(nearest)).toBeLessThanOrEqual(away(edgeOf(bin + 1)) + 1e-12);
      }),
    );
  });

  it('leave thresholds on edges as they are', () => {
    for (let bin = 1; bin < NON_FINITE_BIN; bin++) {
      if (nearestEdge(edgeOf(bin)) !== edgeOf(bin))
        expect(nearestEdge(edgeOf(bin)), `bin ${bin}`).toBe(edgeOf(bin));
    }
  });
});
