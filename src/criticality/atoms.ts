import type { ActivationHistogram } from '../estimator/histogram.ts';
import { nonzeroCount } from '../estimator/histogram.ts';

/**
 * Atoms: single magnitudes that hold far more activations than their neighbourhood.
 *
 * Convolution, normalisation and ReLU over a constant background give the same value thousands of times. Each such
 * value is a step of M/N, so F jumps there and decays as 1/τ until the next one: a train of maximum/minimum pairs that
 * says where the background lies and nothing about the distribution. Features are therefore looked for on the
 * *continuous part*: every bin that exceeds its neighbourhood's median by a factor is cut down to that median. M, Σ, F
 * and β themselves are always reported with the atoms in.
 */
const NEIGHBOURS = 8;
const FACTOR = 8;
/** A bin with a smaller share of all activations than this cannot move F visibly. */
const MIN_SHARE = 1e-4;
/** Fewer equal magnitudes than this may be chance: in a small window most bins hold one activation or none. */
const MIN_COUNT = 16;

/**
 * The share of every stored bin that belongs to the continuous part, shape [bins], 0–1; 1 where there is no atom.
 *
 * The narrow edge of a smooth density (the negative lobe of GELU ends in one) stays below the factor.
 */
export function continuousShare(h: ActivationHistogram): Float64Array {
  const share = new Float64Array(h.counts.length).fill(1);
  const least = Math.max(nonzeroCount(h) * MIN_SHARE, MIN_COUNT);
  const window = new Float64Array(2 * NEIGHBOURS);
  for (let i = 0; i < h.counts.length; i++) {
    const count = h.counts[i]!;
    if (count <= least) continue;
    const level = neighbourhoodMedian(h.counts, i, window);
    if (count > FACTOR * level + least) share[i] = level / count;
  }
  return share;
}

/** Median of the bins around `centre`, itself left out; bins beyond the stored range count as empty. */
function neighbourhoodMedian(counts: Float64Array, centre: number, window: Float64Array): number {
  let size = 0;
  for (let d = -NEIGHBOURS; d <= NEIGHBOURS; d++) {
    if (d === 0) continue;
    const value = counts[centre + d] ?? 0;
    let at = size++;
    for (; at > 0 && window[at - 1]! > value; at--) window[at] = window[at - 1]!;
    window[at] = value;
  }
  return (window[NEIGHBOURS - 1]! + window[NEIGHBOURS]!) / 2;
}
