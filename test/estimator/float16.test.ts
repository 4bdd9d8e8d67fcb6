import { describe, expect, it } from 'vitest';
import { float16MagnitudeBits, float16ToFloat32 } from '../../src/estimator/float16.ts';

const HALVES = Uint16Array.from({ length: 65_536 }, (_, half) => half);

/** The value of a float16 from its definition in IEEE 754. */
function decode(half: number): number {
  const sign = half & 0x8000 ? -1 : 1;
  const exponent = (half >> 10) & 31;
  const mantissa = half & 0x3ff;
  if (exponent === 31) return mantissa === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  return sign * (exponent === 0 ? mantissa * 2 ** -24 : (1 + mantissa / 1024) * 2 ** (exponent - 15));
}

describe('float16', () => {
  it('is widened exactly, all 65,536 of it, the sign of zero too', () => {
    const floats = float16ToFloat32(HALVES);
    const wrong = HALVES.filter((half) => !Object.is(floats[half], decode(half)));
    expect(Array.from(wrong)).toEqual([]);
  });

  it('has the magnitude bits of its float32, all 65,536 of it', () => {
    const magnitudes = new Float32Array(float16MagnitudeBits(HALVES).buffer);
    const wrong = HALVES.filter((half) => !Object.is(magnitudes[half], Math.abs(decode(half))));
    expect(Array.from(wrong)).toEqual([]);
  });
});
