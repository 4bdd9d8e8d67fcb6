import type { FeatureKind } from './features.ts';
import type { Feature } from './significance.ts';
import { SMOOTHING_OCTAVES } from './smoothing.ts';

/**
 * Poles: magnitudes at which an activation function stands still below zero.
 *
 * GELU, SiLU, HardSwish and Mish have a minimum f(x₀) < 0. Around x₀ many inputs become nearly the same output, so the density of
 * |a| is ∝ (|f(x₀)| − |a|)^−½ below |f(x₀)|, and all of the negative side lies below it. ELU approaches such a value. M
 * falls there, and F peaks right above it, whatever the network computes. A feature there marks the function: it is shown as
 * what it is, and pruning does not begin at it.
 *
 * Unlike an atom, a pole is too broad to be cut out: half of all activations may lie in the octave below it.
 */

/**
 * How far a pole's feature may lie from it, in octaves. F is smoothed over a bandwidth, and a step that is smoothed so has its
 * peak above it: by up to 0.19 octaves for functions with a minimum, by 0.27 for ELU.
 */
const REACH = 1.2 * SMOOTHING_OCTAVES;
/**
 * Least share of all activations at sites with a pole. Where all activations are GELU's, the prominence of its feature is at most
 * 0.3 of the range of F. The sites are added by their shares, so those with less reach no prominence of 0.01.
 */
const LEAST_SHARE = 0.03;

/** A site as its pole is judged. */
export interface PoleSite {
  /** Magnitude of the pole, in units of activation; null: its function has none. */
  readonly pole: number | null;
  /** Nonzero activations. */
  readonly count: number;
}

/** The features, those near a pole named so. O(features · sites). */
export function withPolesNamed(features: readonly Feature[], sites: readonly PoleSite[]): Feature[] {
  const all = sites.reduce((sum, { count }) => sum + count, 0);
  const isPole = (threshold: number): boolean => {
    const near = sites.filter(({ pole }) => pole !== null && Math.abs(Math.log2(threshold / pole)) <= REACH);
    return near.length > 0 && near.reduce((sum, { count }) => sum + count, 0) >= LEAST_SHARE * all;
  };
  return features.map((feature) => (isPole(feature.threshold) ? { ...feature, kind: 'pole' } : feature));
}

/** A feature of the distribution itself. */
type OwnFeature = Feature & { readonly kind: Exclude<FeatureKind, 'pole'> };

/** The first feature that is no pole; undefined: there is none. */
export function firstOwn(features: readonly Feature[]): OwnFeature | undefined {
  return features.find((feature): feature is OwnFeature => feature.kind !== 'pole');
}
