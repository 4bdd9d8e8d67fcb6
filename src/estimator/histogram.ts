import { edgeOf, ulpOf } from './bins.ts';

/**
 * A mergeable histogram of activation magnitudes.
 *
 * `counts[i]` and `residuals[i]` belong to bin `offset + i`: how many magnitudes fell into it, and the sum of their
 * integer residuals (see bins.ts). Both are integers below 2^53, so adding and subtracting are exact and
 * associative: merge(a, b) ≡ adding all, and a rolling window never drifts.
 */
export interface ActivationHistogram {
  /** First bin that is stored; a multiple of 64. */
  offset: number;
  counts: Float64Array;
  residuals: Float64Array;
  /** Activations of magnitude 0, or below 2^-132 (bin 0): what the unpruned network does not use. In no bin. */
  zeros: number;
  /** NaN and ±Infinity; they are in no bin. */
  nonFinite: number;
}

export function emptyHistogram(): ActivationHistogram {
  return { offset: 0, counts: new Float64Array(0), residuals: new Float64Array(0), zeros: 0, nonFinite: 0 };
}

export function cloneHistogram(h: ActivationHistogram): ActivationHistogram {
  return { ...h, counts: h.counts.slice(), residuals: h.residuals.slice() };
}

/**
 * Nothing will be added to a finished histogram: `merge` into it throws. So it needs no copy, and what was derived from it
 * may be kept.
 */
export function finish(h: ActivationHistogram): ActivationHistogram {
  return Object.freeze(h);
}

export function isFinished(h: ActivationHistogram): boolean {
  return Object.isFrozen(h);
}

/** Widens the stored range to cover bins [from, to), in whole octaves. */
function reserve(h: ActivationHistogram, from: number, to: number): void {
  if (from >= to) return;
  const end = h.offset + h.counts.length;
  if (h.counts.length > 0 && from >= h.offset && to <= end) return;
  const first = (h.counts.length > 0 ? Math.min(from, h.offset) : from) & ~63;
  const last = (Math.max(to, h.counts.length > 0 ? end : 0) + 63) & ~63;
  const counts = new Float64Array(last - first);
  const residuals = new Float64Array(last - first);
  counts.set(h.counts, h.counts.length > 0 ? h.offset - first : 0);
  residuals.set(h.residuals, h.counts.length > 0 ? h.offset - first : 0);
  h.offset = first;
  h.counts = counts;
  h.residuals = residuals;
}

/** target ← target + sign·other, exactly. */
function accumulate(target: ActivationHistogram, other: ActivationHistogram, sign: 1 | -1): void {
  if (isFinished(target)) throw new TypeError('the histogram is finished');
  reserve(target, other.offset, other.offset + other.counts.length);
  const shift = other.offset - target.offset;
  addInto(target.counts, other.counts, shift, sign);
  addInto(target.residuals, other.residuals, shift, sign);
  target.zeros += sign * other.zeros;
  target.nonFinite += sign * other.nonFinite;
}

function addInto(target: Float64Array, other: Float64Array, shift: number, sign: 1 | -1): void {
  if (sign === 1) for (let i = 0; i < other.length; i++) target[shift + i]! += other[i]!;
  else for (let i = 0; i < other.length; i++) target[shift + i]! -= other[i]!;
}

/** Adds `other` to `target` in place. O(bins of other). @throws TypeError if `target` is finished. */
export function merge(target: ActivationHistogram, other: ActivationHistogram): void {
  accumulate(target, other, 1);
}

/** Takes `other`, which was merged before, out of `target` again, in place. Exact. */
export function subtract(target: ActivationHistogram, other: ActivationHistogram): void {
  accumulate(target, other, -1);
}

/** A new histogram of all activations in `parts`. O(bins of all). */
export function mergeAll(parts: Iterable<ActivationHistogram>): ActivationHistogram {
  const all = emptyHistogram();
  const list = [...parts];
  let from = Number.POSITIVE_INFINITY;
  let to = 0;
  for (const { offset, counts } of list) {
    if (counts.length === 0) continue;
    from = Math.min(from, offset);
    to = Math.max(to, offset + counts.length);
  }
  reserve(all, from, to);
  for (const part of list) merge(all, part);
  return all;
}

/** Number of nonzero finite activations N. */
export function nonzeroCount(h: ActivationHistogram): number {
  const { counts } = h;
  let n = 0;
  for (let i = 0; i < counts.length; i++) n += counts[i]!;
  return n;
}

/** Share of finite activations that are exactly zero; NaN when there are none. */
export function zeroRatio(h: ActivationHistogram): number {
  return h.zeros / (h.zeros + nonzeroCount(h));
}

/** M and Σ at the lower edge of every stored bin, and 0 past the last: one entry more than there are bins. */
export interface Tails {
  readonly offset: number;
  readonly count: Float64Array;
  readonly sum: Float64Array;
}

/**
 * Counts and sums of |a| ≥ edge for every stored bin, from one pass down the bins. O(bins).
 *
 * @param share - weight of each stored bin, 0–1; by default 1, which makes counts exact and sums exact to float64.
 */
export function tails(h: ActivationHistogram, share?: Float64Array): Tails {
  const bins = h.counts.length;
  const count = new Float64Array(bins + 1);
  const sum = new Float64Array(bins + 1);
  for (let i = bins - 1; i >= 0; i--) {
    const bin = h.offset + i;
    const weight = share === undefined ? 1 : share[i]!;
    const n = h.counts[i]!;
    count[i] = count[i + 1]! + weight * n;
    sum[i] = sum[i + 1]! + (n === 0 ? 0 : weight * (n * edgeOf(bin) + h.residuals[i]! * ulpOf(bin)));
  }
  return { offset: h.offset, count, sum };
}

/** M and Σ at the lower edge of any bin. */
export function retainedFrom(t: Tails, bin: number): { count: number; sum: number } {
  const i = Math.min(Math.max(bin - t.offset, 0), t.count.length - 1);
  return { count: t.count[i]!, sum: t.sum[i]! };
}

/** One histogram per site. */
export type SiteHistograms = readonly ActivationHistogram[];
