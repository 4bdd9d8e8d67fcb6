import {
  type ActivationHistogram,
  mergeAll,
  retainedFrom,
  type Tails,
  tails,
} from '../estimator/histogram.ts';
import { continuousShare } from './atoms.ts';
import { derivative, type Extremum, extrema, type FeatureKind } from './features.ts';
import { type FreeEnergyCurve, freeEnergyCurve, logGrid, type Temperature } from './free-energy.ts';
import { leastErrors, leaveOneOut, type Replicas, standardError } from './noise.ts';

export interface Feature {
  readonly kind: FeatureKind;
  readonly threshold: number;
  /** β at the threshold, atoms included. */
  readonly sparsity: number;
  /** Prominence as a share of the curve's range. */
  readonly prominence: number;
  /** Thresholds that neither the grid nor the sampling noise can tell from this one. */
  readonly interval: readonly [number, number];
}

export interface CriticalPoint {
  readonly threshold: number;
  readonly sparsity: number;
  readonly feature: FeatureKind;
  readonly interval: readonly [number, number];
}

export interface Criticality {
  /** F with everything in it, as the equations define it. */
  readonly curve: FreeEnergyCurve;
  /** F of the continuous part, on the same thresholds: what the features are read from. NaN where it does not reach. */
  readonly continuous: Float64Array;
  /** Every significant feature, in increasing τ; extrema, and inflections when there is no extremum. */
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
}

export const DEFAULT_CRITICAL_POINT: CriticalPointOptions = {
  temperature: 'normalized',
  minProminence: 0.02,
  minStandardErrors: 4,
};

const GRID = { perOctave: 8, sparsity: [0.02, 0.95] } as const;
/** Half-width of τ*'s interval, in standard errors of the difference of F to its value at τ*. */
const INTERVAL_ERRORS = 2;
const MIN_SLICES = 4;

/**
 * The critical point of the renormalized free energy of a window: its earliest significant feature.
 *
 * A feature counts when its prominence exceeds both a share of the range of F and a multiple of its own sampling error,
 * and it is read from the continuous part of the distribution (see atoms.ts).
 *
 * @param slices - parts of the window with whole requests each, merged over sites; at least 4, else there is no noise
 *   estimate and so no feature.
 */
export function criticality(
  slices: readonly ActivationHistogram[],
  options: CriticalPointOptions = DEFAULT_CRITICAL_POINT,
): Criticality | null {
  const all = mergeAll(slices);
  const exact = tails(all);
  const bins = logGrid(exact, GRID);
  if (bins.length < 3) return null;
  const curve = freeEnergyCurve(exact, bins, options.temperature);
  const share = continuousShare(all);
  const smoothTails = tails(all, share);
  const [from, to] = spanOf(smoothTails, bins);
  const continuous = new Float64Array(bins.length).fill(Number.NaN);
  let features: Feature[] = [];
  if (to - from >= 3) {
    const inside = bins.subarray(from, to);
    const smooth = freeEnergyCurve(smoothTails, inside, options.temperature).freeEnergy;
    continuous.set(smooth, from);
    if (slices.length >= MIN_SLICES) {
      const shareOf = (slice: ActivationHistogram) => share.subarray(slice.offset - all.offset);
      const replicas = leaveOneOut(slices, inside, options.temperature, shareOf);
      features = significant(axisOf(curve, from, to), smooth, replicas, options);
    }
  }
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

/**
 * The part [from, to) of the grid on which the continuous part has the grid's sparsities too. Atoms can lie anywhere: past
 * the last of the continuous part its F is not defined, before the first it is nothing but noise.
 */
function spanOf(continuous: Tails, bins: Int32Array): readonly [number, number] {
  const [least, most] = GRID.sparsity;
  const isInside = (bin: number): boolean => {
    const sparsity = 1 - retainedFrom(continuous, bin).count / continuous.count[0]!;
    return sparsity >= least && sparsity <= most;
  };
  const from = bins.findIndex(isInside);
  return from < 0 ? [0, 0] : [from, bins.findLastIndex(isInside) + 1];
}

/** Where the points of a curve lie. */
type Axis = Pick<FreeEnergyCurve, 'thresholds' | 'sparsity'>;

function axisOf({ thresholds, sparsity }: FreeEnergyCurve, from: number, to: number): Axis {
  return { thresholds: thresholds.subarray(from, to), sparsity: sparsity.subarray(from, to) };
}

/**
 * Significant extrema of F; if there are none, significant extrema of its slope along ln τ.
 *
 * @param curve - F as it is reported, and β.
 * @param smooth - F of the continuous part on the same thresholds, with its replicas.
 */
export function significant(
  axis: Axis,
  smooth: Float64Array,
  replicas: Replicas,
  options: CriticalPointOptions,
): Feature[] {
  const turns = select(axis, smooth, replicas, options);
  if (turns.length > 0) return turns;
  const logThresholds = axis.thresholds.map(Math.log);
  const slope = (f: Float64Array) => derivative(logThresholds, f);
  const slopes = { curves: replicas.curves.map(slope) };
  return select(axis, slope(smooth), slopes, options).map((f) => ({ ...f, kind: 'inflection' }));
}

function select(axis: Axis, y: Float64Array, replicas: Replicas, options: CriticalPointOptions): Feature[] {
  const range = y.reduce((a, b) => Math.max(a, b)) - y.reduce((a, b) => Math.min(a, b));
  const errors = leastErrors(options.minStandardErrors, y.length, replicas.curves.length);
  return extrema(y)
    .filter(
      (extremum) =>
        extremum.prominence >= options.minProminence * range && standsOut(y, extremum, replicas, errors),
    )
    .map((extremum) => ({
      kind: extremum.kind,
      threshold: axis.thresholds[extremum.index]!,
      sparsity: axis.sparsity[extremum.index]!,
      prominence: extremum.prominence / range,
      interval: intervalAround(axis.thresholds, y, extremum, replicas),
    }));
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

/** The neighbours on the grid, between which the extremum lies, and on from there what noise cannot tell from it. */
function intervalAround(
  thresholds: Float64Array,
  y: Float64Array,
  { index, kind }: Extremum,
  replicas: Replicas,
): [number, number] {
  const sign = kind === 'maximum' ? 1 : -1;
  const isAlike = (i: number): boolean => {
    const error = standardError(replicas, (f) => f[index]! - f[i]!);
    return sign * (y[index]! - y[i]!) <= INTERVAL_ERRORS * error;
  };
  let low = index - 1;
  while (low > 0 && isAlike(low - 1)) low--;
  let high = index + 1;
  while (high < y.length - 1 && isAlike(high + 1)) high++;
  return [thresholds[low]!, thresholds[high]!];
}
