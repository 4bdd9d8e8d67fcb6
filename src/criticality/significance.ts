import { type Extremum, parabolaAt } from './features.ts';
import { type Replicas, standardError } from './noise.ts';

/** Half-width of an interval, in standard errors of ln τ*. */
const INTERVAL_ERRORS = 2;

/**
 * Whether on both sides, before higher (for a minimum: lower) ground, some point lies below by `errors` standard errors of
 * the difference. The lowest point itself may be the noisiest, so any point may bear witness.
 */
export function standsOut(
  y: Float64Array,
  { index, kind }: Extremum,
  replicas: Replicas,
  errors: number,
): boolean {
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
export function intervalAround(
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
