import { edgeOf, nearestEdge } from '../estimator/bins.ts';
import {
  type ActivationHistogram,
  mergeAll,
  nonzeroCount,
  retainedFrom,
  tails,
} from '../estimator/histogram.ts';
import type { Criticality } from './critical-point.ts';
import { extrema } from './features.ts';
import { type FreeEnergyCurve, freeEnergyAt, type Temperature } from './free-energy.ts';

/** Steps of the linear grid when no Δτ is given. */
export const PAPER_STEPS = 40;
const PAPER_MAX_SPARSITY = 0.95;

/** The linear grid Δτ, 2Δτ, … up to the threshold that leaves 5 % of the activations, moved to the nearest bin edges. */
export function linearGrid(h: ActivationHistogram, steps = PAPER_STEPS): number[] {
  const t = tails(h);
  let last = t.offset + t.count.length - 1;
  while (last > t.offset && 1 - retainedFrom(t, last).count / t.count[0]! > PAPER_MAX_SPARSITY) last--;
  const step = edgeOf(last) / steps;
  return [...new Set(Array.from({ length: steps }, (_, i) => nearestEdge((i + 1) * step)))];
}

/**
 * The paper's own rule: the earliest sign change of ΔF(τ) = F(τ + Δτ) − F(τ) on the grid that is given.
 *
 * @param freeEnergies - F along the grid; what is NaN is passed over.
 * @returns the index of the extremum, of a plateau its first point, and its kind, or null when F is monotone on the grid.
 * Source: Mehmood et al. 2026, section 3.7, "Procedure for Determining the Critical Pruning Threshold".
 */
export function firstTransition(
  freeEnergies: Float64Array,
): { index: number; kind: 'maximum' | 'minimum' } | null {
  let direction = 0;
  let turn = 0;
  for (let i = 1; i < freeEnergies.length; i++) {
    const next = Math.sign(freeEnergies[i]! - freeEnergies[i - 1]!);
    if (next === -direction && direction !== 0)
      return { index: turn, kind: direction > 0 ? 'maximum' : 'minimum' };
    if (next === 1 || next === -1) {
      direction = next;
      turn = i;
    }
  }
  return null;
}

/**
 * A window's critical point by the paper's plain rule: linear grid, atoms in, no test for significance. The interval is
 * one step to either side. Null when no activation is nonzero.
 */
export function paperCriticality(
  slices: readonly ActivationHistogram[],
  temperature: Temperature,
  steps = PAPER_STEPS,
): Criticality | null {
  const all = mergeAll(slices);
  if (nonzeroCount(all) === 0) return null;
  return paperTransition(freeEnergyAt(tails(all), linearGrid(all, steps), temperature));
}

/** The paper's plain rule on a curve over any grid. */
export function paperTransition(curve: FreeEnergyCurve): Criticality {
  const found = firstTransition(curve.freeEnergy);
  if (found === null) return { curve, continuous: curve.freeEnergy, features: [], critical: null };
  const { index, kind } = found;
  const threshold = curve.thresholds[index]!;
  const sparsity = curve.sparsity[index]!;
  const interval = [curve.thresholds[index - 1]!, curve.thresholds[index + 1]!] as const;
  const range = Math.max(...curve.freeEnergy) - Math.min(...curve.freeEnergy);
  const prominence =
    (extrema(curve.freeEnergy).find((extremum) => extremum.index === index)?.prominence ?? 0) / range;
  return {
    curve,
    continuous: curve.freeEnergy,
    features: [{ kind, threshold, sparsity, prominence, interval }],
    critical: { threshold, sparsity, feature: kind, interval },
  };
}
