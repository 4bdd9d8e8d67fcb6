import { BINS_PER_OCTAVE, edgeOf, octaveOf, ULPS_PER_BIN, ulpOf } from '../estimator/bins.ts';
import { type ActivationHistogram, isFinished } from '../estimator/histogram.ts';
import { type Atom, atomsOf } from './atoms.ts';
import { type Counts, emptyCounts, type SlicedCounts } from './site-counts.ts';

/** One site over all slices: its histogram, and the atoms that do not belong to its continuous part. */
export interface ContinuousSite {
  readonly all: ActivationHistogram;
  readonly atoms: readonly Atom[];
}

export function continuousSite(all: ActivationHistogram): ContinuousSite {
  return { all, atoms: atomsOf(all) };
}

/**
 * The continuous part of one site at thresholds. O(bins).
 *
 * @param bins - bins whose lower edges are the thresholds, increasing.
 */
export function totalCounts({ all, atoms }: ContinuousSite, bins: Int32Array): Counts {
  const { count, sum, totalCount, totalSum } = slicedCounts([all], atoms, bins);
  return { count, sum, totalCount: totalCount[0]!, totalSum: totalSum[0]! };
}

/**
 * The same in every slice. O(slices · bins), of finished slices the first time only.
 *
 * @param atoms - of the site over all slices.
 */
export function slicedCounts(
  slices: readonly ActivationHistogram[],
  atoms: readonly Atom[],
  bins: Int32Array,
): SlicedCounts {
  const counts = emptyCounts(slices.length, bins.length);
  const isOnGrid = bins.every((bin) => bin % KEPT_STRIDE === 0);
  // By index: inlined into the loop of an iterator, the count takes twice as long.
  for (let j = 0; j < slices.length; j++) {
    const slice = slices[j]!;
    if (isOnGrid && isFinished(slice)) copyKept(counts, j, slice, bins);
    else count(counts, j, slice, bins);
    for (const atom of atoms) takeAtomOut(counts, j, slice, atom, bins);
  }
  return counts;
}

/**
 * Counts of one histogram, down from its highest bin. Most of the time that a critical point takes is spent in its inner loop,
 * so magnitudes are added up as the integers that they are inside an octave, and atoms are taken out afterwards.
 */
function count(
  into: SlicedCounts,
  slice: number,
  { offset, counts, residuals }: ActivationHistogram,
  bins: Int32Array,
): void {
  const row = slice * bins.length;
  let n = 0;
  let s = 0;
  let i = counts.length;
  for (let k = bins.length - 1; k >= -1; k--) {
    const last = k < 0 ? 0 : Math.max(0, bins[k]! - offset);
    while (i > last) {
      const bin = offset + i - 1;
      const to = Math.max(last, octaveOf(bin) - offset);
      const ulp = ulpOf(bin);
      let edge = edgeOf(bin) / ulp;
      let inUlps = 0;
      for (; i > to; edge -= ULPS_PER_BIN) {
        const c = counts[--i]!;
        n += c;
        inUlps += c * edge + residuals[i]!;
      }
      s += inUlps * ulp;
    }
    if (k < 0) break;
    into.count[row + k] = n;
    into.sum[row + k] = s;
  }
  into.totalCount[slice] = n;
  into.totalSum[slice] = s;
}

/** Bins from one kept threshold to the next: an eighth of an octave. */
const KEPT_STRIDE = BINS_PER_OCTAVE / 8;
const KEPT = new WeakMap<ActivationHistogram, SlicedCounts>();

/** Most slices of a window are the same at the next estimate, and need not be counted again. */
function copyKept(into: SlicedCounts, slice: number, h: ActivationHistogram, bins: Int32Array): void {
  const { count, sum } = into;
  const kept = keptCounts(h);
  const last = kept.count.length - 1;
  const row = slice * bins.length;
  for (let k = 0; k < bins.length; k++) {
    let i = ((bins[k]! - h.offset) / KEPT_STRIDE) | 0;
    if (i < 0) i = 0;
    if (i > last) i = last;
    count[row + k] = kept.count[i]!;
    sum[row + k] = kept.sum[i]!;
  }
  into.totalCount[slice] = kept.totalCount[0]!;
  into.totalSum[slice] = kept.totalSum[0]!;
}

/** At every kept threshold from the first bin of a finished histogram to the end of its last. */
function keptCounts(h: ActivationHistogram): SlicedCounts {
  const known = KEPT.get(h);
  if (known !== undefined) return known;
  const bins = Int32Array.from(
    { length: h.counts.length / KEPT_STRIDE + 1 },
    (_, i) => h.offset + i * KEPT_STRIDE,
  );
  const counts = emptyCounts(1, bins.length);
  count(counts, 0, h, bins);
  KEPT.set(h, counts);
  return counts;
}

function takeAtomOut(
  from: SlicedCounts,
  slice: number,
  { offset, counts, residuals }: ActivationHistogram,
  { bin, cut }: Atom,
  bins: Int32Array,
): void {
  const c = counts[bin - offset] ?? 0;
  if (c === 0) return;
  const n = cut * c;
  const s = cut * (c * edgeOf(bin) + residuals[bin - offset]! * ulpOf(bin));
  const row = slice * bins.length;
  for (let k = 0; k < bins.length && bins[k]! <= bin; k++) {
    from.count[row + k]! -= n;
    from.sum[row + k]! -= s;
  }
  from.totalCount[slice]! -= n;
  from.totalSum[slice]! -= s;
}
