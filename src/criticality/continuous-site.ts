import { edgeOf, octaveOf, ULPS_PER_BIN, ulpOf } from '../estimator/bins.ts';
import { type ActivationHistogram, isFinished } from '../estimator/histogram.ts';
import { type Atom, atomsOf } from './atoms.ts';
import type { Counts, SlicedCounts } from './site-counts.ts';

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
  return withoutAtoms(count(all, bins), all, atoms, bins);
}

/**
 * The same in every slice. O(slices · bins); O(slices) where slices are finished and were counted at the same thresholds before.
 *
 * @param atoms - of the site over all slices.
 */
export function slicedCounts(
  slices: readonly ActivationHistogram[],
  atoms: readonly Atom[],
  bins: Int32Array,
): SlicedCounts {
  return slices.map((slice) => withoutAtoms(countOnce(slice, bins), slice, atoms, bins));
}

const COUNTED = new WeakMap<ActivationHistogram, { readonly bins: Int32Array; readonly counts: Counts }>();

/** From one estimate to the next most slices of a window are the same, and mostly so is the grid. */
function countOnce(h: ActivationHistogram, bins: Int32Array): Counts {
  if (!isFinished(h)) return count(h, bins);
  const known = COUNTED.get(h);
  if (known !== undefined && isSame(known.bins, bins)) return known.counts;
  const counts = count(h, bins);
  COUNTED.set(h, { bins, counts });
  return counts;
}

function isSame(a: Int32Array, b: Int32Array): boolean {
  if (a === b) return true;
  if (a.length !== b.length) return false;
  for (let k = 0; k < a.length; k++) if (a[k] !== b[k]) return false;
  return true;
}

/**
 * Counts of one histogram, down from its highest bin. The inner loop takes most of the time of a first estimate, so magnitudes
 * are added up as the integers that they are inside an octave, and atoms are taken out afterwards.
 */
function count({ offset, counts, residuals }: ActivationHistogram, bins: Int32Array): Counts {
  const count = new Float64Array(bins.length);
  const sum = new Float64Array(bins.length);
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
    count[k] = n;
    sum[k] = s;
  }
  return { count, sum, totalCount: n, totalSum: s };
}

/** O(atoms · log bins + bins): what each atom takes off is noted at the highest threshold that it reaches, and carried down. */
function withoutAtoms(
  all: Counts,
  { offset, counts, residuals }: ActivationHistogram,
  atoms: readonly Atom[],
  bins: Int32Array,
): Counts {
  if (atoms.length === 0) return all;
  const count = new Float64Array(bins.length);
  const sum = new Float64Array(bins.length);
  let { totalCount, totalSum } = all;
  for (const { bin, cut } of atoms) {
    const c = counts[bin - offset] ?? 0;
    if (c === 0) continue;
    const n = cut * c;
    const s = cut * (c * edgeOf(bin) + residuals[bin - offset]! * ulpOf(bin));
    const k = upTo(bins, bin) - 1;
    if (k >= 0) {
      count[k]! += n;
      sum[k]! += s;
    }
    totalCount -= n;
    totalSum -= s;
  }
  let n = 0;
  let s = 0;
  for (let k = bins.length - 1; k >= 0; k--) {
    n += count[k]!;
    s += sum[k]!;
    count[k] = all.count[k]! - n;
    sum[k] = all.sum[k]! - s;
  }
  return { count, sum, totalCount, totalSum };
}

/** How many of the increasing bins are at most `bin`. */
function upTo(bins: Int32Array, bin: number): number {
  let low = 0;
  let high = bins.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (bins[middle]! <= bin) low = middle + 1;
    else high = middle;
  }
  return low;
}
