import { binOf, edgeOf } from '../estimator/bins.ts';
import type { SiteHistograms } from '../estimator/histogram.ts';
import { mergeAll, retainedFrom, tails } from '../estimator/histogram.ts';
import { continuousSite, slicedCounts, totalCounts } from './continuous-site.ts';
import { type CriticalPointOptions, type Feature, readFeatures } from './critical-point.ts';
import type { RetainedTotal } from './free-energy.ts';
import { type Counts, sumOf } from './site-counts.ts';

/** What one run of the pruned network leaves, with and without atoms; plain numbers, so that it can be kept as JSON. */
export interface PrunedPoint {
  /** M and Σ of everything. */
  readonly retained: RetainedTotal;
  /** M and Σ of the continuous part, per site and in it per slice. */
  readonly continuous: readonly (readonly RetainedTotal[])[];
  /** M and Σ of the continuous part at every bin edge nearby, from `NEARBY` bins below the threshold on; per site. */
  readonly nearby: readonly { readonly count: readonly number[]; readonly sum: readonly number[] }[];
}

/** Bins to each side of a threshold that a pruned run has a say on: an octave. */
const NEARBY = 64;

/**
 * M and Σ at a threshold, exact at a bin edge.
 *
 * @param slices - magnitudes before the gates of a network that is pruned at `threshold`.
 */
export function prunedPoint(threshold: number, slices: readonly SiteHistograms[]): PrunedPoint {
  const bin = binOf(threshold);
  const around = Int32Array.from({ length: 2 * NEARBY + 1 }, (_, i) => bin - NEARBY + i);
  const histograms = slices[0]!.map((_, site) => slices.map((slice) => slice[site]!));
  const sites = histograms.map((site) => continuousSite(mergeAll(site)));
  return {
    retained: retainedFrom(tails(mergeAll(sites.map(({ all }) => all))), bin),
    continuous: histograms.map((site, i) =>
      slicedCounts(site, sites[i]!.atoms, Int32Array.of(bin)).map(({ count, sum }) => ({
        count: count[0]!,
        sum: sum[0]!,
      })),
    ),
    nearby: sites.map((site) => {
      const { count, sum } = totalCounts(site, around);
      return { count: Array.from(count), sum: Array.from(sum) };
    }),
  };
}

/**
 * The features of the pruned network's own free energy, by the same rule as the renormalized ones. β is that of the pruned
 * network, between thresholds on a straight line in ln τ.
 *
 * @param thresholds - increasing bin edges; for each the point of the network pruned there.
 * @param dense - slices of the unpruned network, cut alike.
 * @param poles - of the sites' activation functions; by default none has one.
 * @returns features in increasing τ; none where too few points can be read.
 */
export function fullFeatures(
  thresholds: readonly number[],
  points: readonly PrunedPoint[],
  dense: readonly SiteHistograms[],
  options: CriticalPointOptions,
  poles?: readonly (number | null)[],
): readonly Feature[] {
  if (thresholds.length === 0) return [];
  const unpruned = prunedPoint(0, dense);
  const bins = Int32Array.from(thresholds, binOf);
  const every = Int32Array.from({ length: bins.at(-1)! - bins[0]! + 1 }, (_, i) => bins[0]! + i);
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
  const totals = sites.map((slices, site): Counts => {
    const { totalCount, totalSum } = sumOf(slices);
    return { ...faded(bins, points, site, every.length), totalCount, totalSum };
  });
  const sparsity = points.map(({ retained }) => 1 - retained.count / unpruned.retained.count);
  const sparsityAt = (threshold: number) => interpolated(thresholds, sparsity, threshold);
  const counts = { totals, slices: () => sites, sliceCount: dense.length, poles };
  return readFeatures(counts, { bins, every, sparsityAt }, options).features;
}

/**
 * M and Σ of one site at every bin between the first threshold and the last: what the networks pruned at the threshold below
 * and at that above keep there, each weighted by how near it is in ln τ.
 */
function faded(
  bins: Int32Array,
  points: readonly PrunedPoint[],
  site: number,
  length: number,
): Pick<Counts, 'count' | 'sum'> {
  const count = new Float64Array(length);
  const sum = new Float64Array(length);
  for (let k = 0; k < bins.length; k++) {
    const { count: counts, sum: sums } = points[k]!.nearby[site]!;
    const [below, here, above] = [bins[k - 1] ?? bins[k]!, bins[k]!, bins[k + 1] ?? bins[k]!];
    for (let bin = below; bin <= above; bin++) {
      const weight = bin === here ? 1 : 1 - farness(bin, here, bin < here ? below : above);
      const at = Math.min(Math.max(bin - here + NEARBY, 0), 2 * NEARBY);
      count[bin - bins[0]!]! += weight * counts[at]!;
      sum[bin - bins[0]!]! += weight * sums[at]!;
    }
  }
  return { count, sum };
}

/** How far a bin is from one towards another, 0–1, in ln τ. */
function farness(bin: number, from: number, to: number): number {
  return Math.log(edgeOf(bin) / edgeOf(from)) / Math.log(edgeOf(to) / edgeOf(from));
}

/** The value at a threshold between others, on a straight line in ln τ. */
function interpolated(thresholds: readonly number[], values: readonly number[], threshold: number): number {
  const above = thresholds.findIndex((at) => at >= threshold);
  if (above <= 0) return values.at(above)!;
  const low = Math.log(thresholds[above - 1]!);
  const share = (Math.log(threshold) - low) / (Math.log(thresholds[above]!) - low);
  return values[above - 1]! + share * (values[above]! - values[above - 1]!);
}
