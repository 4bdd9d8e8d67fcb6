import { BINS_PER_OCTAVE, binOf, edgeOf } from '../estimator/bins.ts';
import type { SiteHistograms } from '../estimator/histogram.ts';
import { mergeAll, retainedFrom, type Tails, tails } from '../estimator/histogram.ts';
import { additiveFreeEnergy, domainOf, leaveOneOut } from './additive.ts';
import { continuousSite, slicedCounts, totalCounts } from './continuous-site.ts';
import type { FeatureKind } from './features.ts';
import { type FreeEnergyCurve, freeEnergyAt, logGrid } from './free-energy.ts';
import type { Replicas } from './noise.ts';
import { firstOwn, withPolesNamed } from './poles.ts';
import {
  type CriticalPointOptions,
  DEFAULT_CRITICAL_POINT,
  type Feature,
  significant,
} from './significance.ts';
import type { Counts, SlicedCounts } from './site-counts.ts';
import { BinSmoothing, SMOOTHING_OCTAVES, smoothing } from './smoothing.ts';

export { type CriticalPointOptions, DEFAULT_CRITICAL_POINT, type Feature };

export interface CriticalPoint {
  readonly threshold: number;
  readonly sparsity: number;
  readonly feature: Exclude<FeatureKind, 'pole'>;
  readonly interval: readonly [number, number];
}

export interface Criticality {
  /** F of all activations, as the equations define it. */
  readonly curve: FreeEnergyCurve;
  /**
   * What the features are read from, on the same thresholds: F of the continuous part, summed over sites and smoothed. NaN
   * where it cannot be read.
   */
  readonly continuous: Float64Array;
  /** Every significant feature, in increasing τ. */
  readonly features: readonly Feature[];
  /**
   * The earliest of them that is no pole; null is a result: nothing in the distribution says where pruning starts to hurt.
   */
  readonly critical: CriticalPoint | null;
}

const GRID = { perOctave: 8, sparsity: [0.01, 0.98] } as const;
/** Sparsities between which features count; the grid goes on to either side, so that smoothing has something to go by. */
const READ = [0.02, 0.95] as const;
/**
 * Sparsities between which the range of F is taken, that prominence is a share of. F grows as β·s/τ where some activations
 * are arbitrarily near 0: 3 % of them, spread from 1e-9 to 1e-3, make it 10⁵, beside which nothing would be prominent.
 */
const RANGE = [0.1, READ[1]] as const;
const SMOOTHING = new BinSmoothing(SMOOTHING_OCTAVES);
const MIN_SLICES = 4;

/** What is known of the sites beside the slices of the window. */
export interface SiteKnowledge {
  /** All slices merged, per site, where somebody has that already. */
  readonly window?: SiteHistograms;
  /** Per site, the magnitude at which its activation function stands still below zero; null: none. By default none has one. */
  readonly poles?: readonly (number | null)[] | undefined;
}

/**
 * The critical point of the renormalized free energy of a window: its earliest significant feature that is no pole of an
 * activation function (poles.ts).
 *
 * Features are read from the additive free energy (additive.ts) of the continuous part of every site (atoms.ts). A feature counts
 * when its prominence exceeds both a share of the range of F, from β = 0.1 on, and a multiple of its own sampling error.
 * O(slices · sites · bins).
 *
 * @param slices - parts of the window with whole requests each; at least 4, else there is no noise estimate and so no feature.
 * @returns null when the window holds too little for a curve.
 */
export function criticality(
  slices: readonly SiteHistograms[],
  options: CriticalPointOptions = DEFAULT_CRITICAL_POINT,
  { window, poles }: SiteKnowledge = {},
): Criticality | null {
  const histograms = (slices[0] ?? []).map((_, site) => slices.map((slice) => slice[site]!));
  const merged = window ?? histograms.map(mergeAll);
  const exact = tails(mergeAll(merged));
  const grid = gridOf(exact);
  if (grid === null) return null;
  const curve = freeEnergyAt(exact, Array.from(grid.bins, edgeOf), options.temperature);
  const sites = merged.map(continuousSite);
  const counts = {
    totals: sites.map((site) => totalCounts(site, grid.every)),
    slices: () => histograms.map((site, i) => slicedCounts(site, sites[i]!.atoms, grid.bins)),
    sliceCount: slices.length,
    poles,
  };
  const sparsityAt = (threshold: number) => 1 - retainedFrom(exact, binOf(threshold)).count / exact.count[0]!;
  const { continuous, features } = readFeatures(counts, { ...grid, sparsityAt }, options);
  const first = firstOwn(features);
  return {
    curve,
    continuous,
    features,
    critical:
      first === undefined
        ? null
        : {
            threshold: first.threshold,
            sparsity: first.sparsity,
            feature: first.kind,
            interval: first.interval,
          },
  };
}

/** The bins of a curve, and all bins that it is smoothed over; null when there are too few. */
function gridOf(t: Tails): Pick<Axis, 'bins' | 'every'> | null {
  const every = logGrid(t, { ...GRID, perOctave: BINS_PER_OCTAVE });
  const stride = BINS_PER_OCTAVE / GRID.perOctave;
  const bins = every.filter((bin) => bin % stride === 0);
  return bins.length < 3 ? null : { bins, every };
}

/** Where a curve is known. */
interface Axis {
  /** Increasing; the grid on whose edges features are looked for and their noise is judged. */
  readonly bins: Int32Array;
  /** Consecutive bins, those of the grid among them: F is smoothed over all, and a feature can lie at any. */
  readonly every: Int32Array;
  /** β at any bin edge of the grid's range. */
  readonly sparsityAt: (threshold: number) => number;
}

/** The continuous part of every site. */
interface SiteCounts {
  /** At every bin. */
  readonly totals: readonly Counts[];
  /** On the grid; made only when there is an extremum to be judged. */
  readonly slices: () => readonly SlicedCounts[];
  readonly sliceCount: number;
  /** Of every site; absent: none has one. */
  readonly poles: readonly (number | null)[] | undefined;
}

/**
 * Every significant feature of counts along thresholds: of the unpruned network, or of the network pruned at each of them.
 */
export function readFeatures(
  { totals, slices, sliceCount, poles }: SiteCounts,
  { bins, every, sparsityAt }: Axis,
  options: CriticalPointOptions,
): Pick<Criticality, 'continuous' | 'features'> {
  const first = every[0]!;
  const [low, high] = domainOf(totals, every.length, READ);
  const from = bins.filter((bin) => bin < first + low).length;
  const to = bins.filter((bin) => bin < first + high).length;
  const continuous = new Float64Array(bins.length).fill(Number.NaN);
  if (to - from < 3) return { continuous, features: [] };
  const f = additiveFreeEnergy(totals, Float64Array.from(every, edgeOf), options.temperature);
  const smoothAt = (bin: number) => SMOOTHING.at(f, first, bin);
  const y = Float64Array.from(bins.subarray(from, to), smoothAt);
  continuous.set(y, from);
  if (sliceCount < MIN_SLICES) return { continuous, features: [] };
  const thresholds = Float64Array.from(bins, edgeOf);
  const replicas = (): Replicas => {
    const smooth = smoothing(thresholds.map(Math.log2), SMOOTHING_OCTAVES);
    const { curves } = leaveOneOut(slices(), thresholds, options.temperature);
    return { curves: curves.map((curve) => smooth(curve).subarray(from, to)) };
  };
  const [moderate] = domainOf(totals, every.length, RANGE);
  const rangeFrom = bins.filter((bin) => bin < first + moderate).length - from;
  const curve = { bins: bins.subarray(from, to), y, rangeFrom, smoothAt, sparsityAt };
  const sites = totals.map(({ totalCount }, i) => ({ count: totalCount, pole: poles?.[i] ?? null }));
  return { continuous, features: withPolesNamed(significant(curve, replicas, options), sites) };
}
