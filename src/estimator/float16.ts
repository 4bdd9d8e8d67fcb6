/**
 * The float32 magnitude bits of every float16: exponent re-biased, mantissa widened, subnormals normalised.
 * One table of 32768 entries; the sign is dropped.
 */
const MAGNITUDE_BITS = Uint32Array.from({ length: 0x8000 }, (_, half) => {
  const exponent = half >>> 10;
  const mantissa = half & 0x3ff;
  if (exponent === 0x1f) return (0x7f800000 | (mantissa << 13)) >>> 0;
  if (exponent > 0) return ((exponent + 112) << 23) | (mantissa << 13);
  return new Uint32Array(Float32Array.of(mantissa * 2 ** -24).buffer)[0]!;
});

/** Bits of |x| in float32 for float16 values given as their bits. */
export function float16MagnitudeBits(halves: Uint16Array): Uint32Array {
  const bits = new Uint32Array(halves.length);
  for (let i = 0; i < halves.length; i++) bits[i] = MAGNITUDE_BITS[halves[i]! & 0x7fff]!;
  return bits;
}

/** float16 values, given as their bits, as float32. */
export function float16ToFloat32(halves: Uint16Array): Float32Array {
  const bits = float16MagnitudeBits(halves);
  for (let i = 0; i < halves.length; i++) bits[i] = (bits[i]! | ((halves[i]! & 0x8000) << 16)) >>> 0;
  return new Float32Array(bits.buffer);
}

/** The bits of the float16 that is nearest to a number, ties to even. */
export function float16Bits(x: number): number {
  const sign = x < 0 || Object.is(x, -0) ? 0x8000 : 0;
  const magnitude = Math.abs(x);
  if (Number.isNaN(x)) return 0x7e00;
  if (magnitude >= 65520) return sign | 0x7c00;
  if (magnitude < 2 ** -14) return sign | roundTiesToEven(magnitude * 2 ** 24);
  const exponent = Math.floor(Math.log2(magnitude));
  // A fraction that rounds up to 1024 carries into the exponent, as it should.
  return sign | (((exponent + 15) << 10) + roundTiesToEven((magnitude / 2 ** exponent - 1) * 1024));
}

function roundTiesToEven(x: number): number {
  const rounded = Math.round(x);
  return rounded - x === 0.5 && rounded % 2 === 1 ? rounded - 1 : rounded;
}
