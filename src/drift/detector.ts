import type { SiteHistograms } from '../estimator/rolling-window.ts';
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
  /** At least the configured limit, and twice what parts of the reference differ from the whole by chance. */
  readonly limit: number;
}

export interface DriftReading extends SiteDistance {
  readonly limit: number;
  /** Consecutive readings above the limit; back to 0 only below 80 % of it. */
  readonly streak: number;
  readonly isDrift: boolean;
}

const CHANCE_FACTOR = 2;
const RELEASE_RATIO = 0.8;

/** A reference whose limit is wide enough for the chance differences between its own parts. */
export function driftReference(
  whole: SiteHistograms,
  parts: readonly SiteHistograms[],
  options: DriftOptions,
): DriftReference {
  const chance = Math.max(0, ...parts.map((part) => driftDistance(whole, part).distance));
  return { sites: whole, limit: Math.max(options.limit, CHANCE_FACTOR * chance) };
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
