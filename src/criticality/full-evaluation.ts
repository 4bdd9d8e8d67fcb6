import { binOf } from '../estimator/bins.ts';
import { mergeAll, retainedFrom, tails } from '../estimator/histogram.ts';
import type { SiteHistograms } from '../estimator/rolling-window.ts';
import { type CriticalPointOptions, type Feature, readFeatures } from './critical-point.ts';
import {
  emptyCurve,
  type FreeEnergyCurve,
  freeEnergy,
  internalEnergy,
  type Temperature,
  temperatureScale,
} from './free-energy.ts';
import { type Counts, continuousCounts } from './site-counts.ts';

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
  /** M and Σ of the continuous part, per site and in it per slice. */
  readonly continuous: readonly (readonly RetainedTotal[])[];
}

/**
 * M and Σ at a threshold, exact at a bin edge.
 *
 * @param slices - magnitudes before the gates of a network that is pruned at `threshold`.
 */
export function prunedPoint(threshold: number, slices: readonly SiteHistograms[]): PrunedPoint {
  const bins = Int32Array.of(binOf(threshold));
  const histograms = slices[0]!.map((_, site) => slices.map((slice) => slice[site]!));
  const merged = histograms.map(mergeAll);
  return {
    retained: retainedFrom(tails(mergeAll(merged)), bins[0]!),
    continuous: histograms.map((site, i) =>
      continuousCounts(site, merged[i]!, bins).map(({ count, sum }) => ({ count: count[0]!, sum: sum[0]! })),
    ),
  };
}

/**
 * The features of the pruned network's own free energy, by the same rule as the renormalized ones. β is that of the pruned
 * network, between thresholds on a straight line in ln τ.
 *
 * @param thresholds - increasing bin edges; for each the point of the network pruned there.
 * @param dense - slices of the unpruned network, cut alike.
 * @returns features in increasing τ; none where too few points can be read.
 */
export function fullFeatures(
  thresholds: readonly number[],
  points: readonly PrunedPoint[],
  dense: readonly SiteHistograms[],
  options: CriticalPointOptions,
): readonly Feature[] {
  const unpruned = prunedPoint(0, dense);
  const sites = unpruned.continuous.map((slices, site) =>
    slices.map((total, slice): Counts => {
      const along = points.map(({ continuous }) => continuous[site]![slice]!);
      return {
        count: Float64Array.from(along, ({ count }) => count),
        sum: Float64Array.from(along, ({ sum }) => sum),
        totalCount: total.count,
        totalSum: total.sum,
      };
    }),
  );
  const sparsity = points.map(({ retained }) => 1 - retained.count / unpruned.retained.count);
  const axis = {
    thresholds: Float64Array.from(thresholds),
    sparsityAt: (threshold: number) => interpolated(thresholds, sparsity, threshold),
  };
  return readFeatures(sites, axis, options).features;
}

/** The value at a threshold between others, on a straight line in ln τ. */
function interpolated(thresholds: readonly number[], values: readonly number[], threshold: number): number {
  const above = thresholds.findIndex((at) => at >= threshold);
  if (above <= 0) return values.at(above)!;
  const low = Math.log(thresholds[above - 1]!);
  const share = (Math.log(threshold) - low) / (Math.log(thresholds[above]!) - low);
  return values[above - 1]! + share * (values[above]! - values[above - 1]!);
}
