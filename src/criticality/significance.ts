import { CRITICAL_POINT_DEFAULTS } from '../config/critical-point.ts';
import { edgeOf, nearestEdge } from '../estimator/bins.ts';
import { derivative, type Extremum, extrema, type FeatureKind, parabolaAt } from './features.ts';
import type { Temperature } from './free-energy.ts';
import { leastErrors, type Replicas, standardError } from './noise.ts';

export interface Feature {
  readonly kind: FeatureKind;
  readonly threshold: number;
  /** β at the threshold, atoms included. */
  readonly sparsity: number;
  /** Prominence as a share of the range of F from β = 0.1 on; above 1 where F falls by more than that before it. */
  readonly prominence: number;
  /** Thresholds that neither the grid nor the sampling noise can tell from this one; 2 standard errors to each side. */
  readonly interval: readonly [number, number];
}

export interface CriticalPointOptions {
  readonly temperature: Temperature;
  /** Least prominence of a feature as a share of the range of F from β = 0.1 on. */
  readonly minProminence: number;
  /** Least prominence in standard errors, before it is corrected for the points of the curve and the number of slices. */
  readonly minStandardErrors: number;
  /** Whether inflections count where there is no extremum. */
  readonly inflections: boolean;
}

export const DEFAULT_CRITICAL_POINT: CriticalPointOptions = CRITICAL_POINT_DEFAULTS;

/** A smoothed curve on a grid of bins. */
export interface SmoothCurve {
  readonly bins: Int32Array;
  readonly y: Float64Array;
  /** The first of its points that count for its range: before it, F may be as large as it likes. */
  readonly rangeFrom: number;
  /** Its value at any bin; without it, features are placed by a parabola. */
  readonly smoothAt?: (bin: number) => number;
  readonly sparsityAt: (threshold: number) => number;
}

/**
 * Significant extrema of F; if there are none and inflections count, significant extrema of its slope along ln τ.
 *
 * @param replicas - made only when there is an extremum to be judged.
 */
export function significant(
  curve: SmoothCurve,
  replicas: () => Replicas,
  options: CriticalPointOptions,
): Feature[] {
  const turns = select(curve, replicas, options);
  if (turns.length > 0 || !options.inflections) return turns;
  const x = Float64Array.from(curve.bins, (bin) => Math.log(edgeOf(bin)));
  const slope = (f: Float64Array) => derivative(x, f);
  const slopes = () => ({ curves: replicas().curves.map(slope) });
  const { bins, y, rangeFrom, sparsityAt } = curve;
  return select({ bins, y: slope(y), rangeFrom, sparsityAt }, slopes, options).map((f) => ({
    ...f,
    kind: 'inflection',
  }));
}

function select(
  { bins, y, rangeFrom, smoothAt, sparsityAt }: SmoothCurve,
  replicasOf: () => Replicas,
  options: CriticalPointOptions,
): Feature[] {
  const range = rangeOf(rangeFrom < y.length - 1 ? y.subarray(rangeFrom) : y);
  const prominent = extrema(y).filter(({ prominence }) => prominence >= options.minProminence * range);
  if (prominent.length === 0) return [];
  const replicas = replicasOf();
  const errors = leastErrors(options.minStandardErrors, y.length, replicas.curves.length);
  const x = Float64Array.from(bins, (bin) => Math.log(edgeOf(bin)));
  return prominent
    .filter((extremum) => standsOut(y, extremum, replicas, errors))
    .map(({ kind, index, prominence }) => {
      const threshold =
        smoothAt === undefined
          ? nearestEdge(Math.exp(parabolaAt(x, y, index).vertex))
          : edgeOf(turnBetween(bins[index - 1]!, bins[index + 1]!, kind, smoothAt));
      const [low, high] = intervalAround(x, y, index, Math.log(threshold), replicas);
      return {
        kind,
        threshold,
        sparsity: sparsityAt(threshold),
        prominence: prominence / range,
        interval: [nearestEdge(Math.exp(low)), nearestEdge(Math.exp(high))],
      };
    });
}

function rangeOf(y: Float64Array): number {
  return y.reduce((a, b) => Math.max(a, b)) - y.reduce((a, b) => Math.min(a, b));
}

/** The highest (of a minimum: lowest) bin between two. */
function turnBetween(
  low: number,
  high: number,
  kind: Extremum['kind'],
  valueAt: (bin: number) => number,
): number {
  const sign = kind === 'maximum' ? 1 : -1;
  let best = low + 1;
  for (let bin = best + 1; bin < high; bin++) {
    if (sign * (valueAt(bin) - valueAt(best)) > 0) best = bin;
  }
  return best;
}

/** Half-width of an interval, in standard errors of ln τ*. */
const INTERVAL_ERRORS = 2;

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

/**
 * The neighbours on the grid, between which an extremum lies, and on from there what its sampling error covers.
 *
 * @param x - ln τ of the grid.
 * @param at - ln τ of the extremum.
 * @returns two values of ln τ.
 */
function intervalAround(
  x: Float64Array,
  y: Float64Array,
  index: number,
  at: number,
  replicas: Replicas,
): readonly [number, number] {
  const { curvature } = parabolaAt(x, y, index);
  // To first order, the vertex of a replica is off by its slope at the vertex over the curvature.
  const error = standardError(replicas, (f) => parabolaAt(x, f, index).slopeAt(at) / curvature);
  return [
    Math.max(x[0]!, Math.min(x[index - 1]!, at - INTERVAL_ERRORS * error)),
    Math.min(x.at(-1)!, Math.max(x[index + 1]!, at + INTERVAL_ERRORS * error)),
  ];
}
