import { BINS_PER_OCTAVE, edgeOf } from '../estimator/bins.ts';
import { type ActivationHistogram, tails } from '../estimator/histogram.ts';

/** `paper`: T = 1/τ, in inverse units of activation. `normalized`: T = s/τ with s = Σ₀/N, free of units. */
export type Temperature = 'paper' | 'normalized';

/** What is left of the activations at one threshold, against what there was. */
export interface Retained {
  /** M: activations with |a| ≥ τ. */
  readonly count: number;
  /** Σ: sum of |a| over them. */
  readonly sum: number;
  /** N: nonzero activations of the unpruned network. */
  readonly totalCount: number;
  /** Σ₀: sum of |a| over them. */
  readonly totalSum: number;
}

/** Internal energy E = ln(Σ/Σ₀) ≤ 0; −∞ where nothing remains. Source: Mehmood et al. 2026, eq. 4. */
export function internalEnergy(r: Retained): number {
  return Math.log(r.sum / r.totalSum);
}

/**
 * Free energy F(τ) = ln(Σ/Σ₀) − (s/τ)·ln(M/N); NaN where nothing remains.
 *
 * Source: Mehmood et al. 2026, eq. 4–6; s = 1 is the paper's temperature, s = Σ₀/N makes F free of scale.
 */
export function freeEnergy(r: Retained, threshold: number, scale: number): number {
  return r.count === 0
    ? Number.NaN
    : internalEnergy(r) - (scale / threshold) * Math.log(r.count / r.totalCount);
}

/** The scale s of the temperature s/τ. @throws RangeError if no activation is nonzero. */
export function temperatureScale(temperature: Temperature, totalCount: number, totalSum: number): number {
  if (totalCount === 0) throw new RangeError('free energy: the histogram holds no nonzero activation');
  return temperature === 'paper' ? 1 : totalSum / totalCount;
}

/** F and what it is made of, on increasing thresholds; all arrays have the same length. */
export interface FreeEnergyCurve {
  readonly thresholds: Float64Array;
  readonly freeEnergy: Float64Array;
  readonly internalEnergy: Float64Array;
  /** β = 1 − M/N. */
  readonly sparsity: Float64Array;
  /** s of the temperature s/τ. */
  readonly scale: number;
}

/**
 * The renormalized free energy at bin edges, where it has no binning error. O(bins).
 *
 * @param h - magnitudes of the unpruned network, one site or merged over sites.
 * @param bins - bins whose lower edges are the thresholds, increasing; by default every stored bin.
 * @param scale - s; by default that of `temperature` for this histogram.
 * @throws RangeError if `h` holds no nonzero activation.
 */
export function freeEnergyCurve(
  h: ActivationHistogram,
  { bins = storedBins(h), temperature = 'normalized' as Temperature, scale = Number.NaN } = {},
): FreeEnergyCurve {
  const { count, sum } = tails(h);
  const totalCount = count[0]!;
  const totalSum = sum[0]!;
  const s = Number.isNaN(scale) ? temperatureScale(temperature, totalCount, totalSum) : scale;
  const curve = emptyCurve(bins.length, s);
  for (let k = 0; k < bins.length; k++) {
    const i = Math.min(Math.max(bins[k]! - h.offset, 0), h.counts.length);
    const retained = { count: count[i]!, sum: sum[i]!, totalCount, totalSum };
    const threshold = edgeOf(bins[k]!);
    curve.thresholds[k] = threshold;
    curve.freeEnergy[k] = freeEnergy(retained, threshold, s);
    curve.internalEnergy[k] = internalEnergy(retained);
    curve.sparsity[k] = 1 - retained.count / totalCount;
  }
  return curve;
}

export function emptyCurve(length: number, scale: number): FreeEnergyCurve {
  return {
    thresholds: new Float64Array(length),
    freeEnergy: new Float64Array(length),
    internalEnergy: new Float64Array(length),
    sparsity: new Float64Array(length),
    scale,
  };
}

function storedBins(h: ActivationHistogram): Int32Array {
  return Int32Array.from(h.counts, (_, i) => h.offset + i);
}

export interface GridOptions {
  /** Grid points per octave of τ; divides 64. */
  readonly perOctave: number;
  /** The grid spans the thresholds with a sparsity inside this range. */
  readonly sparsity: readonly [number, number];
}

/** Bins of a log-spaced grid of thresholds. Empty when the histogram is, or holds a single magnitude. */
export function logGrid(h: ActivationHistogram, { perOctave, sparsity }: GridOptions): Int32Array {
  const { count } = tails(h);
  const total = count[0]!;
  const stride = BINS_PER_OCTAVE / perOctave;
  const bins: number[] = [];
  const first = Math.ceil(h.offset / stride) * stride;
  for (let bin = first; bin <= h.offset + h.counts.length; bin += stride) {
    const beta = 1 - count[bin - h.offset]! / total;
    if (beta >= sparsity[0] && beta <= sparsity[1]) bins.push(bin);
  }
  return Int32Array.from(bins);
}
