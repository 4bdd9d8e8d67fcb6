/** Features of a curve along τ: where it turns, and where its slope does. */

/** `pole`: any of the others where an activation function stands still, see poles.ts. */
export type FeatureKind = 'maximum' | 'minimum' | 'inflection' | 'pole';

export interface Extremum {
  readonly kind: 'maximum' | 'minimum';
  readonly index: number;
  /** The point that gives the prominence: the higher of the two lowest points towards higher ground, or the edge. */
  readonly base: number;
  /** Topological prominence, in units of the curve: how far one must come down before going higher. */
  readonly prominence: number;
}

/**
 * Interior maxima and minima with their topological prominence, in order of position.
 *
 * The first and last points are edges of the data, not features. A plateau counts once, at its first point.
 *
 * @param y - finite values.
 * Source: prominence as 0-dimensional persistence of the sub-level (super-level) sets, edges counted as sea level.
 */
export function extrema(y: Float64Array): Extremum[] {
  const found: Extremum[] = [];
  const negated = y.map((v) => -v);
  for (let i = 1; i < y.length - 1; i++) {
    const previous = y[i - 1]!;
    if (previous === y[i]!) continue;
    const next = afterPlateau(y, i);
    if (next === undefined) continue;
    if (previous < y[i]! && next < y[i]!) found.push({ kind: 'maximum', index: i, ...prominence(y, i) });
    if (previous > y[i]! && next > y[i]!)
      found.push({ kind: 'minimum', index: i, ...prominence(negated, i) });
  }
  return found;
}

function afterPlateau(y: Float64Array, from: number): number | undefined {
  for (let i = from + 1; i < y.length; i++) if (y[i]! !== y[from]!) return y[i];
  return undefined;
}

function prominence(y: Float64Array, peak: number): { base: number; prominence: number } {
  const left = lowestBeforeHigher(y, peak, -1);
  const right = lowestBeforeHigher(y, peak, 1);
  const base = y[left]! >= y[right]! ? left : right;
  return { base, prominence: y[peak]! - y[base]! };
}

function lowestBeforeHigher(y: Float64Array, peak: number, step: 1 | -1): number {
  let lowest = peak;
  for (let i = peak + step; i >= 0 && i < y.length && y[i]! <= y[peak]!; i += step) {
    if (y[i]! < y[lowest]!) lowest = i;
  }
  return lowest;
}

/** Central differences dy/dx on an uneven grid; one-sided at the ends. */
export function derivative(x: Float64Array, y: Float64Array): Float64Array {
  return y.map((_, i) => {
    const a = Math.max(i - 1, 0);
    const b = Math.min(i + 1, y.length - 1);
    return (y[b]! - y[a]!) / (x[b]! - x[a]!);
  });
}

/** The parabola through three neighbouring points of a curve: y″, y′ anywhere, and where y′ = 0. */
export interface Parabola {
  readonly curvature: number;
  readonly slopeAt: (x: number) => number;
  readonly vertex: number;
}

/** @param index - of the middle one of the three points. */
export function parabolaAt(x: Float64Array, y: Float64Array, index: number): Parabola {
  const left = x[index]! - x[index - 1]!;
  const right = x[index + 1]! - x[index]!;
  const down = (y[index]! - y[index - 1]!) / left;
  const up = (y[index + 1]! - y[index]!) / right;
  const curvature = (up - down) / ((left + right) / 2);
  const middle = x[index]! - left / 2;
  return {
    curvature,
    slopeAt: (at) => down + curvature * (at - middle),
    vertex: middle - down / curvature,
  };
}
