import { BINS_PER_OCTAVE, binOf } from '../estimator/bins.ts';
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

/** Number M and sum Σ of |a| ≥ τ at one threshold, over all sites. */
export interface RetainedTotal {
  readonly count: number;
  readonly sum: number;
}

/**
 * F along any thresholds from counts that were taken at exactly these: of the unpruned network (renormalized), or of the
 * network pruned at each of them (full evaluation). O(thresholds).
 *
 * Pruning early layers can raise later activations, so β of a pruned network can fall below 0 at small τ.
 *
 * @param thresholds - positive, increasing; M and Σ at each in `retained`.
 * @param dense - N and Σ₀: the nonzero activations of the unpruned network.
 * @throws RangeError if the lengths differ or no activation is nonzero.
 * Source: Mehmood et al. 2026, section 3, eq. 3.1–3.6 and 4–6.
 */
export function freeEnergyFrom(
  thresholds: readonly number[],
  retained: readonly RetainedTotal[],
  dense: RetainedTotal,
  temperature: Temperature,
): FreeEnergyCurve {
  const { length } = thresholds;
  if (length !== retained.length)
    throw new RangeError(`free energy: ${length} thresholds, ${retained.length} counts`);
  const scale = temperatureScale(temperature, dense.count, dense.sum);
  const freeEnergies = new Float64Array(length);
  const internalEnergies = new Float64Array(length);
  const sparsity = new Float64Array(length);
  for (const [k, { count, sum }] of retained.entries()) {
    const r = { count, sum, totalCount: dense.count, totalSum: dense.sum };
    freeEnergies[k] = freeEnergy(r, thresholds[k]!, scale);
    internalEnergies[k] = internalEnergy(r);
    sparsity[k] = 1 - count / dense.count;
  }
  return {
    thresholds: Float64Array.from(thresholds),
    freeEnergy: freeEnergies,
    internalEnergy: internalEnergies,
    sparsity,
    scale,
  };
}

/**
 * The renormalized F of a histogram; exact at bin edges, elsewhere with M and Σ of the bin's lower edge. O(thresholds).
 *
 * @param t - tails of the magnitudes of the unpruned network, one site or merged over sites.
 * @param thresholds - positive, increasing.
 * @throws RangeError if no activation is nonzero.
 */
export function freeEnergyAt(
  t: Tails,
  thresholds: readonly number[],
  temperature: Temperature,
): FreeEnergyCurve {
  const retained = thresholds.map((threshold) => retainedFrom(t, binOf(threshold)));
  return freeEnergyFrom(thresholds, retained, { count: t.count[0]!, sum: t.sum[0]! }, temperature);
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
