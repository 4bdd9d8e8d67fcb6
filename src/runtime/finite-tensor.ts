import type { Tensor } from '../protocol/types.ts';

const HALF_EXPONENT = 0x7c00;

/** Whether a tensor holds no NaN and no infinity. Always true for integers and bytes. O(elements). */
export function isFiniteTensor({ datatype, elements }: Pick<Tensor, 'datatype' | 'elements'>): boolean {
  if (datatype === 'FP16') {
    return (elements as Uint16Array).every((bits) => (bits & HALF_EXPONENT) !== HALF_EXPONENT);
  }
  if (!(elements instanceof Float32Array || elements instanceof Float64Array)) return true;
  // 0 · x is 0 for a finite x, else NaN, which stays in a sum. Four independent sums run in parallel.
  let [a, b, c, d] = [0, 0, 0, 0];
  const whole = elements.length & ~3;
  for (let i = 0; i < whole; i += 4) {
    a += 0 * elements[i]!;
    b += 0 * elements[i + 1]!;
    c += 0 * elements[i + 2]!;
    d += 0 * elements[i + 3]!;
  }
  for (let i = whole; i < elements.length; i++) a += 0 * elements[i]!;
  return a + b + c + d === 0;
}
