import { binOf, nearestEdge } from '../estimator/bins.ts';
import { mergeAll, retainedFrom, tails } from '../estimator/histogram.ts';
import type { SiteHistograms } from '../estimator/rolling-window.ts';
import { additiveFreeEnergy, domainOf, leaveOneOut } from './additive.ts';
import { derivative, type Extremum, extrema, type FeatureKind, parabolaAt, smoothing } from './features.ts';
import { type FreeEnergyCurve, freeEnergyCurve, logGrid, type Temperature } from './free-energy.ts';
import { leastErrors, type Replicas, standardError } from './noise.ts';
import { continuousCounts, type SlicedCounts, sumOf } from './site-counts.ts';

export interface Feature {
  readonly kind: FeatureKind;
  readonly threshold: number;
  /** β at the threshold, atoms included. */
  readonly sparsity: number;
  /** Prominence as a share of the curve's range. */
  readonly prominence: number;
  /** Thresholds that neither the grid nor the sampling noise can tell from this one; 2 standard errors to each side. */
  readonly interval: readonly [number, number];
}

export interface CriticalPoint {
  readonly threshold: number;
  readonly sparsity: number;
  readonly feature: FeatureKind;
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
  /** The earliest of them; null is a result: nothing in the distribution says where pruning starts to hurt. */
  readonly critical: CriticalPoint | null;
}

export interface CriticalPointOptions {
  readonly temperature: Temperature;
  /** Least prominence of a feature as a share of the range of F on the grid. */
  readonly minProminence: number;
  /** Least prominence in standard errors, before it is corrected for the points of the curve and the number of slices. */
  readonly minStandardErrors: number;
  /** Whether inflections count where there is no extremum. */
  readonly inflections: boolean;
}

export const DEFAULT_CRITICAL_POINT: CriticalPointOptions = {
  temperature: 'normalized',
  minProminence: 0.01,
  minStandardErrors: 4,
  inflections: false,
};

const GRID = { perOctave: 8, sparsity: [0.01, 0.98] } as const;
/** Sparsities between which features count; the grid goes on to either side, so that smoothing has something to go by. */
const READ = [0.02, 0.95] as const;
/** Standard deviation of the smoothing of F along τ. Distributions turn over octaves; what is narrower is an accident. */
const SMOOTHING_OCTAVES = 0.25;
/** Half-width of τ*'s interval, in standard errors of ln τ*. */
const INTERVAL_ERRORS = 2;
const MIN_SLICES = 4;

/**
 * The critical point of the renormalized free energy of a window: its earliest significant feature.
 *
 * Features are read from the additive free energy (additive.ts) of the continuous part of every site (atoms.ts). A feature counts
 * when its prominence exceeds both a share of the range of F and a multiple of its own sampling error.
 * O(slices · sites · bins).
 *
 * @param slices - parts of the window with whole requests each; at least 4, else there is no noise estimate and so no feature.
 * @param window - all slices merged, per site, where somebody has that already.
 * @returns null when the window holds too little for a curve.
 */
export function criticality(
  slices: readonly SiteHistograms[],
  options: CriticalPointOptions = DEFAULT_CRITICAL_POINT,
  window?: SiteHistograms,
): Criticality | null {
  const histograms = (slices[0] ?? []).map((_, site) => slices.map((slice) => slice[site]!));
  const merged = window ?? histograms.map(mergeAll);
  const exact = tails(mergeAll(merged));
  const bins = logGrid(exact, GRID);
  if (bins.length < 3) return null;
  const curve = freeEnergyCurve(exact, bins, options.temperature);
  const sites = histograms.map((site, i) => continuousCounts(site, merged[i]!, bins));
  const sparsityAt = (threshold: number) => 1 - retainedFrom(exact, binOf(threshold)).count / exact.count[0]!;
  const { continuous, features } = readFeatures(sites, { thresholds: curve.thresholds, sparsityAt }, options);
  const first = features[0];
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

/** Where the points of a curve lie. */
interface Axis {
  /** Increasing bin edges. */
  readonly thresholds: Float64Array;
  /** β at any bin edge between them. */
  readonly sparsityAt: (threshold: number) => number;
}

/**
 * Every significant feature of counts along thresholds: of the unpruned network, or of the network pruned at each of them.
 *
 * @param sites - the continuous part, counted at the thresholds of the axis.
 */
export function readFeatures(
  sites: readonly SlicedCounts[],
  { thresholds, sparsityAt }: Axis,
  options: CriticalPointOptions,
): Pick<Criticality, 'continuous' | 'features'> {
  const totals = sites.map(sumOf);
  const [from, to] = domainOf(totals, thresholds.length, READ);
  const continuous = new Float64Array(thresholds.length).fill(Number.NaN);
  if (to - from < 3) return { continuous, features: [] };
  const smooth = smoothing(thresholds.map(Math.log2), SMOOTHING_OCTAVES);
  const read = (f: Float64Array) => smooth(f).subarray(from, to);
  const y = read(additiveFreeEnergy(totals, thresholds, options.temperature));
  continuous.set(y, from);
  if ((sites[0]?.length ?? 0) < MIN_SLICES) return { continuous, features: [] };
  const replicas = (): Replicas => ({
    curves: leaveOneOut(sites, thresholds, options.temperature).curves.map(read),
  });
  const axis = { thresholds: thresholds.subarray(from, to), sparsityAt };
  return { continuous, features: significant(axis, y, replicas, options) };
}

/**
 * Significant extrema of F; if there are none and inflections count, significant extrema of its slope along ln τ.
 *
 * @param replicas - made only when there is an extremum to be judged.
 */
function significant(
  axis: Axis,
  y: Float64Array,
  replicas: () => Replicas,
  options: CriticalPointOptions,
): Feature[] {
  const turns = select(axis, y, replicas, options);
  if (turns.length > 0 || !options.inflections) return turns;
  const logThresholds = axis.thresholds.map(Math.log);
  const slope = (f: Float64Array) => derivative(logThresholds, f);
  const slopes = () => ({ curves: replicas().curves.map(slope) });
  return select(axis, slope(y), slopes, options).map((f) => ({ ...f, kind: 'inflection' }));
}

function select(
  axis: Axis,
  y: Float64Array,
  replicasOf: () => Replicas,
  options: CriticalPointOptions,
): Feature[] {
  const range = y.reduce((a, b) => Math.max(a, b)) - y.reduce((a, b) => Math.min(a, b));
  const prominent = extrema(y).filter(({ prominence }) => prominence >= options.minProminence * range);
  if (prominent.length === 0) return [];
  const replicas = replicasOf();
  const errors = leastErrors(options.minStandardErrors, y.length, replicas.curves.length);
  const x = axis.thresholds.map(Math.log);
  return prominent
    .filter((extremum) => standsOut(y, extremum, replicas, errors))
    .map((extremum) => {
      const threshold = nearestEdge(Math.exp(parabolaAt(x, y, extremum.index).vertex));
      return {
        kind: extremum.kind,
        threshold,
        sparsity: axis.sparsityAt(threshold),
        prominence: extremum.prominence / range,
        interval: intervalAround(x, y, extremum, replicas),
      };
    });
}

/**
 * Whether on both sides, before higher (for a minimum: lower) ground, some point lies below by `errors` standard errors of
 * the difference. The lowest point itself may be the noisiest, so any point may bear witness.
 */
function standsOut(y: Float64Array, { index, kind }: Extremum, replicas: Replicas, errors: number): boolean {
  const sign = kind === 'maximum' ? 1 : -1;
  const hasWitness = (direction: 1 | -1): boolean => {
    for (let i = index + direction; i >= 0 && i < y.length; i += direction) {
      const drop = sign * (y[index]! - y[i]!);
      if (drop < 0) return false;
      if (drop > 0 && drop >= errors * standardError(replicas, (f) => f[index]! - f[i]!)) return true;
    }
    return false;
  };
  return hasWitness(-1) && hasWitness(1);
}

/** The neighbours on the grid, between which the extremum lies, and on from there what its sampling error covers. */
function intervalAround(
  x: Float64Array,
  y: Float64Array,
  { index }: Extremum,
  replicas: Replicas,
): [number, number] {
  const { vertex, curvature } = parabolaAt(x, y, index);
  // To first order, the vertex of a replica is off by its slope at the vertex over the curvature.
  const error = standardError(replicas, (f) => parabolaAt(x, f, index).slopeAt(vertex) / curvature);
  const low = Math.max(x[0]!, Math.min(x[index - 1]!, vertex - INTERVAL_ERRORS * error));
  const high = Math.min(x.at(-1)!, Math.max(x[index + 1]!, vertex + INTERVAL_ERRORS * error));
  return [nearestEdge(Math.exp(low)), nearestEdge(Math.exp(high))];
}
