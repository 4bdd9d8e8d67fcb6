import { cloneHistogram, mergeAll, subtract } from '../estimator/histogram.ts';
import type { SiteHistograms } from '../estimator/rolling-window.ts';
import { xorshift } from '../random.ts';
import { driftDistance, type SiteDistance } from './distance.ts';

export interface DriftOptions {
  /** The least distance that counts as drift, in standard deviations of ln|a|. */
  readonly limit: number;
  /** Snapshots in a row above the limit before it is called drift. */
  readonly confirmations: number;
}

/** What the traffic looked like when the threshold was set, and how far it may move. */
export interface DriftReference {
  readonly sites: SiteHistograms;
  /** At least the configured limit, and more than parts of the reference differ by chance. */
  readonly limit: number;
}

export interface DriftReading extends SiteDistance {
  readonly limit: number;
  /** Consecutive readings above the limit; back to 0 only below 80 % of it. */
  readonly streak: number;
  readonly isDrift: boolean;
}

const SPLITS = 24;
/** Chance distances may exceed their mean by so many standard deviations before they count as drift. */
const CHANCE_DEVIATIONS = 8;
const RELEASE_RATIO = 0.8;

/**
 * A reference whose limit is wide enough for chance: the slices are split at random, `recentSlices` against the rest, as
 * often as it takes to know the mean and spread of the distance between parts of one and the same traffic.
 *
 * O(splits · slices · bins · sites); deterministic.
 */
export function driftReference(
  slices: readonly SiteHistograms[],
  recentSlices: number,
  options: DriftOptions,
): DriftReference {
  const sites = mergeSites(slices);
  const taken = Math.min(recentSlices, Math.floor(slices.length / 2));
  if (taken === 0) return { sites, limit: options.limit };
  const random = xorshift(slices.length);
  const distances = Array.from({ length: SPLITS }, () => {
    const part = mergeSites(shuffled(slices, random).slice(0, taken));
    const rest = sites.map((h, site) => {
      const without = cloneHistogram(h);
      subtract(without, part[site]!);
      return without;
    });
    return driftDistance(rest, part).distance;
  });
  const mean = distances.reduce((a, b) => a + b, 0) / SPLITS;
  const variance = distances.reduce((a, d) => a + (d - mean) ** 2, 0) / (SPLITS - 1);
  return { sites, limit: Math.max(options.limit, mean + CHANCE_DEVIATIONS * Math.sqrt(variance)) };
}

function mergeSites(slices: readonly SiteHistograms[]): SiteHistograms {
  return (slices[0] ?? []).map((_, site) => mergeAll(slices.map((slice) => slice[site]!)));
}

/** Fisher–Yates. */
function shuffled<T>(items: readonly T[], random: () => number): T[] {
  const order = [...items];
  for (let i = order.length - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1));
    [order[i], order[j]] = [order[j]!, order[i]!];
  }
  return order;
}

/** One reading with hysteresis; pure in the previous streak. */
export function readDrift(
  reference: DriftReference,
  current: SiteHistograms,
  streak: number,
  options: DriftOptions,
): DriftReading {
  const { distance, site } = driftDistance(reference.sites, current);
  const { limit } = reference;
  const next = distance > limit ? streak + 1 : distance < RELEASE_RATIO * limit ? 0 : streak;
  return { distance, site, limit, streak: next, isDrift: next >= options.confirmations };
}
