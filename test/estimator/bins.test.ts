import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BIN_COUNT, binOf, edgeOf, NON_FINITE_BIN, nearestEdge, ulpOf } from '../../src/estimator/bins.ts';
import { float16MagnitudeBits, float16ToFloat32 } from '../../src/estimator/float16.ts';

describe('bins', () => {
  it('have edges that increase by 64 per octave over all of float32', () => {
    for (let bin = 1; bin < NON_FINITE_BIN; bin++) expect(edgeOf(bin)).toBeGreaterThan(edgeOf(bin - 1));
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

  it('round a threshold to the nearer edge on a log scale', () => {
    expect(nearestEdge(1.001)).toBe(1);
    expect(nearestEdge(1.015)).toBe(1 + 1 / 64);
  });
});

describe('float16', () => {
  it('is widened exactly, all 65,536 of it', () => {
    const halves = Uint16Array.from({ length: 65_536 }, (_, i) => i);
    const floats = float16ToFloat32(halves);
    const magnitudes = new Float32Array(float16MagnitudeBits(halves).buffer);
    for (let i = 0; i < 65_536; i++) {
      const exponent = (i >> 10) & 31;
      const mantissa = i & 0x3ff;
      const sign = i & 0x8000 ? -1 : 1;
      const magnitude =
        exponent === 31
          ? mantissa === 0
            ? Number.POSITIVE_INFINITY
            : Number.NaN
          : exponent === 0
            ? mantissa * 2 ** -24
            : (1 + mantissa / 1024) * 2 ** (exponent - 15);
      if (!Object.is(floats[i], sign * magnitude) && !Number.isNaN(magnitude)) {
        expect(floats[i], `half ${i}`).toBe(sign * magnitude);
      }
      if (Number.isNaN(magnitude)) expect(floats[i]).toBeNaN();
      else expect(magnitudes[i]).toBe(magnitude);
    }
  });
});
