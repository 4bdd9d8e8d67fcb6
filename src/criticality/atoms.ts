import type { ActivationHistogram } from '../estimator/histogram.ts';
import { nonzeroCount } from '../estimator/histogram.ts';

/**
 * Atoms: single magnitudes that hold far more activations than their neighbourhood.
 *
 * Convolution, normalisation and ReLU over a constant background give the same value thousands of times. Each such
 * value is a step of M/N, so F jumps there and decays as 1/τ until the next one: a train of maximum/minimum pairs that
 * says where the background lies and nothing about the distribution. Features are therefore looked for on the
 * *continuous part*: every bin that exceeds the median of its neighbours below, and that of its neighbours above, by a
 * factor is cut down to the larger of the two. M, Σ, F and β themselves are always reported with the atoms in.
 *
 * One side is enough to call a bin continuous, because densities end in poles: the negative lobe of GELU, SiLU or HardSwish
 * has a minimum a₀, and near it a density ∝ (a₀ − a)^−½ with little or nothing above. Its last bin holds at most
 * 1 / 0.225 = 4.4 times the median of the eight before it, whatever lies on the other side.
 */

/** On each side. */
const NEIGHBOURS = 8;
const FACTOR = 8;
/** A bin with a smaller share of all activations than this cannot move F visibly. */
const MIN_SHARE = 1e-4;
/** Fewer equal magnitudes than this may be chance: in a small window most bins hold one activation or none. */
const MIN_COUNT = 16;

/** The share of every stored bin that belongs to the continuous part, shape [bins], 0–1; 1 where there is no atom. */
export function continuousShare(h: ActivationHistogram): Float64Array {
  const share = new Float64Array(h.counts.length).fill(1);
  const least = Math.max(nonzeroCount(h) * MIN_SHARE, MIN_COUNT);
  const window = new Float64Array(NEIGHBOURS);
  for (let i = 0; i < h.counts.length; i++) {
    const count = h.counts[i]!;
    if (count <= least || isAmongLike(h.counts, i)) continue;
    const level = Math.max(medianBeside(h.counts, i, -1, window), medianBeside(h.counts, i, 1, window));
    if (count > FACTOR * level + least) share[i] = level / count;
  }
  return share;
}

/** Whether most of the bins below, and so their median, are no smaller by the factor: the common case, and cheap to tell. */
function isAmongLike(counts: Float64Array, centre: number): boolean {
  const level = counts[centre]! / FACTOR;
  let alike = 0;
  for (let i = Math.max(0, centre - NEIGHBOURS); i < centre; i++) if (counts[i]! >= level) alike++;
  return alike > NEIGHBOURS / 2;
}

/** Median of the bins next to `centre` on one side; bins beyond the stored range count as empty. */
function medianBeside(counts: Float64Array, centre: number, side: 1 | -1, window: Float64Array): number {
  for (let d = 1; d <= NEIGHBOURS; d++) {
    const value = counts[centre + side * d] ?? 0;
    let at = d - 1;
    for (; at > 0 && window[at - 1]! > value; at--) window[at] = window[at - 1]!;
    window[at] = value;
  }
  return (window[NEIGHBOURS / 2 - 1]! + window[NEIGHBOURS / 2]!) / 2;
}
