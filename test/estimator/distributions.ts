import { xorshift } from '../../src/drift/xorshift.ts';

const SIZE = 20_000;

/** Seeded samples of what activations look like, and of what they must not break on. */
export const DISTRIBUTIONS: Readonly<Record<string, Float32Array>> = {
  halfNormal: draw(1, (_, n) => Math.abs(n)),
  exponential: draw(2, (u) => -Math.log(1 - u)),
  uniform: draw(3, (u) => u),
  lognormal: draw(4, (_, n) => Math.exp(2 * n)),
  gelu: draw(5, (_, n) => n * 0.5 * (1 + Math.tanh(0.7978845608 * (n + 0.044715 * n ** 3)))),
  reluWithAtoms: draw(6, (u, n) => (u < 0.2 ? 0.25 : u < 0.3 ? 1.5 : Math.max(0, n))),
  mostlyZeros: draw(8, (u, n) => (u < 0.8 ? 0 : n)),
  withNaNAndInfinity: draw(9, (u, n) =>
    u < 0.05 ? Number.NaN : u < 0.08 ? Infinity : u < 0.1 ? -Infinity : 3 * n,
  ),
  denormalsAndExtremes: draw(7, (u, n) => (u < 0.3 ? n * 1e-40 : u < 0.6 ? n * 1e30 : n * 1e-20)),
};

function draw(seed: number, of: (uniform: number, normal: number) => number): Float32Array {
  const random = xorshift(seed);
  return Float32Array.from({ length: SIZE }, () => {
    const normal = Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
    return of(random(), normal);
  });
}

export function bitsOf(values: Float32Array): Uint32Array {
  return new Uint32Array(values.buffer, values.byteOffset, values.length);
}
