import { BINS_PER_OCTAVE, edgeOf } from '../estimator/bins.ts';
import { retainedFrom, type Tails } from '../estimator/histogram.ts';

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
 * @param t - tails of the magnitudes of the unpruned network, one site or merged over sites.
 * @param bins - bins whose lower edges are the thresholds, increasing.
 * @throws RangeError if no activation is nonzero.
 */
export function freeEnergyCurve(t: Tails, bins: Int32Array, temperature: Temperature): FreeEnergyCurve {
  const totalCount = t.count[0]!;
  const totalSum = t.sum[0]!;
  const scale = temperatureScale(temperature, totalCount, totalSum);
  const curve = emptyCurve(bins.length, scale);
  for (let k = 0; k < bins.length; k++) {
    const { count, sum } = retainedFrom(t, bins[k]!);
    const threshold = edgeOf(bins[k]!);
    curve.thresholds[k] = threshold;
    curve.freeEnergy[k] = freeEnergy({ count, sum, totalCount, totalSum }, threshold, scale);
    curve.internalEnergy[k] = Math.log(sum / totalSum);
    curve.sparsity[k] = 1 - count / totalCount;
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

export interface GridOptions {
  /** Grid points per octave of τ; divides 64. */
  readonly perOctave: number;
  /** The grid spans the thresholds with a sparsity inside this range. */
  readonly sparsity: readonly [number, number];
}

/** Bins of a log-spaced grid of thresholds. Empty when there is no activation, or only one magnitude. */
export function logGrid(t: Tails, { perOctave, sparsity }: GridOptions): Int32Array {
  const stride = BINS_PER_OCTAVE / perOctave;
  const bins: number[] = [];
  // Bin 0 begins at τ = 0, where the temperature is infinite.
  for (
    let bin = Math.max(stride, Math.ceil(t.offset / stride) * stride);
    bin < t.offset + t.count.length;
    bin += stride
  ) {
    const beta = 1 - retainedFrom(t, bin).count / t.count[0]!;
    if (beta >= sparsity[0] && beta <= sparsity[1]) bins.push(bin);
  }
  return Int32Array.from(bins);
}
