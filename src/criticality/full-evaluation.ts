import { binOf } from '../estimator/bins.ts';
import { type ActivationHistogram, mergeAll, retainedFrom, tails } from '../estimator/histogram.ts';
import { continuousShare } from './atoms.ts';
import { type CriticalPointOptions, type Feature, significant } from './critical-point.ts';
import {
  emptyCurve,
  type FreeEnergyCurve,
  freeEnergy,
  internalEnergy,
  type Temperature,
  temperatureScale,
} from './free-energy.ts';

/** Number M and sum Σ of |a| ≥ τ at one threshold, over all sites. */
export interface RetainedTotal {
  readonly count: number;
  readonly sum: number;
}

/**
 * Free energy along any thresholds from counts that were taken at exactly these: of the unpruned network
 * (renormalized), or of the network pruned at each of them (full evaluation).
 *
 * Pruning early layers can raise later activations, so β of a pruned network can fall below 0 at small τ.
 *
 * @param thresholds - positive; M and Σ at each in `retained`.
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
  if (thresholds.length !== retained.length)
    throw new RangeError(`free energy: ${thresholds.length} thresholds, ${retained.length} counts`);
  const curve = emptyCurve(thresholds.length, temperatureScale(temperature, dense.count, dense.sum));
  for (const [k, threshold] of thresholds.entries()) {
    const { count, sum } = retained[k]!;
    const r = { count, sum, totalCount: dense.count, totalSum: dense.sum };
    curve.thresholds[k] = threshold;
    curve.freeEnergy[k] = freeEnergy(r, threshold, curve.scale);
    curve.internalEnergy[k] = internalEnergy(r);
    curve.sparsity[k] = 1 - count / dense.count;
  }
  return curve;
}

/** What one run of the pruned network leaves, with and without atoms. */
export interface PrunedPoint {
  /** M and Σ of everything. */
  readonly retained: RetainedTotal;
  /** M and Σ of the continuous part, in every slice. */
  readonly continuous: readonly RetainedTotal[];
}

/**
 * M and Σ at a threshold, exact at a bin edge.
 *
 * @param slices - magnitudes before the gates of a network that is pruned at `threshold`, merged over sites.
 */
export function prunedPoint(threshold: number, slices: readonly ActivationHistogram[]): PrunedPoint {
  const all = mergeAll(slices);
  const share = continuousShare(all);
  const bin = binOf(threshold);
  return {
    retained: retainedFrom(tails(all), bin),
    continuous: slices.map((slice) =>
      retainedFrom(tails(slice, share.subarray(slice.offset - all.offset)), bin),
    ),
  };
}

/**
 * The features of the pruned network's own free energy, by the same rule as the renormalized ones.
 *
 * @param thresholds - increasing bin edges; for each the point of the network pruned there.
 * @param dense - slices of the unpruned network, cut alike.
 * @returns features in increasing τ; none where the continuous part leaves fewer than three points.
 */
export function fullFeatures(
  thresholds: readonly number[],
  points: readonly PrunedPoint[],
  dense: readonly ActivationHistogram[],
  options: CriticalPointOptions,
): readonly Feature[] {
  const unpruned = prunedPoint(0, dense);
  const without = (left: number): Float64Array =>
    freeEnergyFrom(
      thresholds,
      points.map((point) => sumWithout(point.continuous, left)),
      sumWithout(unpruned.continuous, left),
      options.temperature,
    ).freeEnergy;
  const smooth = without(NONE);
  const end = smooth.findLastIndex(Number.isFinite) + 1;
  if (end < 3) return [];
  const retained = points.map((point) => point.retained);
  const { sparsity } = freeEnergyFrom(thresholds, retained, unpruned.retained, options.temperature);
  const axis = {
    thresholds: Float64Array.from(thresholds).subarray(0, end),
    sparsity: sparsity.subarray(0, end),
  };
  const replicas = { curves: dense.map((_, left) => without(left).subarray(0, end)) };
  return significant(axis, smooth.subarray(0, end), replicas, options);
}

const NONE = -1;

function sumWithout(parts: readonly RetainedTotal[], left: number): RetainedTotal {
  let count = 0;
  let sum = 0;
  for (const [i, part] of parts.entries()) {
    if (i === left) continue;
    count += part.count;
    sum += part.sum;
  }
  return { count, sum };
}
