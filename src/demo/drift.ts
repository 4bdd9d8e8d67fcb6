import type { Tensor } from '../protocol/types.ts';

/**
 * The drift of the demo: what a camera does when the light goes. Pixels lose contrast around mid-grey and gain sensor
 * noise: x' = clip(128 + 0.7·(x − 128) + 12·n, 0, 255), n standard normal.
 */
const CONTRAST = 0.7;
const NOISE = 12;
const GREY = 128;

/** Applies the drift to a float32 image batch in pixel units 0–255; other tensors stay as they are. */
export function dimmed(tensor: Tensor, random: () => number): Tensor {
  if (!(tensor.elements instanceof Float32Array)) return tensor;
  const elements = tensor.elements.map((x) => {
    const y = GREY + CONTRAST * (x - GREY) + NOISE * standardNormal(random);
    return Math.min(255, Math.max(0, y));
  });
  return { ...tensor, elements };
}

/** Box–Muller transform of two uniform numbers. */
function standardNormal(random: () => number): number {
  return Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
}

/** A small seeded generator of uniform numbers in [0, 1): xorshift32. */
export function seeded(seed: number): () => number {
  let state = seed | 0 || 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 2 ** 32;
  };
}
