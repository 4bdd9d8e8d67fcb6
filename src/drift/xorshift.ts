/** A small seeded generator of uniform numbers in [0, 1): Marsaglia's xorshift32. The same seed gives the same numbers. */
export function xorshift(seed: number): () => number {
  let state = (seed * 0x9e3779b1) | 0 || 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 2 ** 32;
  };
}
