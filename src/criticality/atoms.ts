import { BINS_PER_OCTAVE, ulpOf } from '../estimator/bins.ts';
import { type ActivationHistogram, nonzeroCount } from '../estimator/histogram.ts';

/**
 * Atoms: single magnitudes that hold far more activations than their neighbourhood.
 *
 * Convolution, normalisation and ReLU over a constant background give the same value thousands of times. Each such
 * value is a step of M/N, so F jumps there and decays as 1/τ until the next one: a train of maximum/minimum pairs that
 * says where the background lies and nothing about the distribution. Features are therefore looked for on the
 * *continuous part*: a bin's level is the median of its neighbours below or that above, whichever is larger, and what it holds
 * beyond its level is cut when that is as much as several mean bins of the same density would hold. M, Σ, F and β
 * themselves are always reported with the atoms in.
 *
 * Bins are up to √2 wider or narrower than the mean one, depending on where in its octave a magnitude lies. The excess is
 * therefore measured against bins of one width, and cut gradually: so the continuous part does not depend on the unit of
 * the activations, and no single activation decides over an atom.
 *
 * One side is enough to call a bin continuous, because densities end in poles: the negative lobe of GELU, SiLU or HardSwish
 * has a minimum a₀, and near it a density ∝ (a₀ − a)^−½ with little or nothing above. Its last bin holds at most
 * 1 / 0.225 = 4.4 times the median of the eight before it, whatever lies on the other side: an excess of 3.4 such bins, or of
 * 4.9 mean ones where bins are widest.
 */

/** On each side. */
const NEIGHBOURS = 8;
/**
 * The excess of which nothing is cut and from which on all of it is, in mean bins of the neighbourhood's density: of 16 that
 * the smoothing of F is wide, so what is left is flattened there.
 */
const WHOLE = 5;
const CUT = 10;
/** A bin with a smaller share of all activations than this cannot move F visibly. */
const MIN_SHARE = 1e-4;
/** Fewer equal magnitudes than this may be chance: in a small window most bins hold one activation or none. */
const MIN_COUNT = 16;

/** A bin with an atom in it. */
export interface Atom {
  readonly bin: number;
  /** The share of what is in the bin that does not belong to the continuous part, 0–1. */
  readonly cut: number;
}

/** The atoms of one site, in increasing order. O(bins). */
export function atomsOf(h: ActivationHistogram): Atom[] {
  const { counts } = h;
  const least = Math.max(nonzeroCount(h) * MIN_SHARE, MIN_COUNT);
  const window = new Float64Array(NEIGHBOURS);
  const atoms: Atom[] = [];
  for (let i = 0; i < counts.length; i++) {
    const count = counts[i]!;
    if (count <= least || isAmongLike(counts, i)) continue;
    const level = Math.max(medianBeside(h, i, -1, window), medianBeside(h, i, 1, window));
    const excess = (count - level - least) / (level * meanWidths(h.offset + i));
    if (!(excess > WHOLE)) continue;
    const share = Math.min(1, (excess - WHOLE) / (CUT - WHOLE));
    atoms.push({ bin: h.offset + i, cut: (share * (count - level)) / count });
  }
  return atoms;
}

/** Mean width of a bin in ln τ over the width of this one: 0.70 at the beginning of its octave, 1.38 at its end. */
function meanWidths(bin: number): number {
  return (Math.LN2 / BINS_PER_OCTAVE) * (BINS_PER_OCTAVE + (bin % BINS_PER_OCTAVE) + 0.5);
}

/** Whether most of the bins below, and so their median, are too much alike for any cut: the common case, and cheap to tell. */
function isAmongLike(counts: Float64Array, centre: number): boolean {
  const level = counts[centre]! / (1 + WHOLE * Math.LN2);
  let alike = 0;
  for (let i = centre - 1; i >= 0 && i >= centre - NEIGHBOURS; i--)
    if (counts[i]! >= level && ++alike > NEIGHBOURS / 2) return true;
  return false;
}

/**
 * Median of the bins next to `centre` on one side, as if all were as wide: at the border of an octave their width doubles.
 * Bins beyond the stored range count as empty.
 */
function medianBeside(
  { counts, offset }: ActivationHistogram,
  centre: number,
  side: 1 | -1,
  window: Float64Array,
): number {
  const width = ulpOf(offset + centre);
  for (let d = 1; d <= NEIGHBOURS; d++) {
    const i = centre + side * d;
    const value = i < 0 || i >= counts.length ? 0 : counts[i]! * (width / ulpOf(offset + i));
    let at = d - 1;
    for (; at > 0 && window[at - 1]! > value; at--) window[at] = window[at - 1]!;
    window[at] = value;
  }
  return (window[NEIGHBOURS / 2 - 1]! + window[NEIGHBOURS / 2]!) / 2;
}
