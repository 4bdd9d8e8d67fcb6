import { describe, expect, it } from 'vitest';
import { float16Bits, float16MagnitudeBits, float16ToFloat32 } from '../../src/estimator/float16.ts';

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

  it('is found again from its value, all 65,536 of it but the payloads of NaN', () => {
    const wrong = HALVES.filter(
      (half) => float16Bits(decode(half)) !== (Number.isNaN(decode(half)) ? 0x7e00 : half),
    );
    expect(Array.from(wrong)).toEqual([]);
  });

  it.each([
    ['halfway to an odd neighbour', 1 + 2 ** -11, 0x3c00],
    ['halfway to an even neighbour', 1 + 3 * 2 ** -11, 0x3c02],
    ['just above halfway', 1 + 2 ** -11 + 2 ** -30, 0x3c01],
    ['up into the next power of two', 2 - 2 ** -12, 0x4000],
    ['half of the smallest, which is a tie with zero', 2 ** -25, 0],
    ['more than half of the smallest', 2 ** -25 + 2 ** -40, 1],
    ['up out of the subnormals', 2 ** -14 - 2 ** -26, 0x0400],
    ['the largest that does not overflow', 65519.999, 0x7bff],
    ['the smallest that does', -65520, 0xfc00],
  ])('is the nearest to what it cannot hold: %s', (_, x, half) => {
    expect(float16Bits(x)).toBe(half);
  });

  it('has the magnitude bits of its float32, all 65,536 of it', () => {
    const magnitudes = new Float32Array(float16MagnitudeBits(HALVES).buffer);
    const wrong = HALVES.filter((half) => !Object.is(magnitudes[half], Math.abs(decode(half))));
    expect(Array.from(wrong)).toEqual([]);
  });
});
