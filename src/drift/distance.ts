import { BINS_PER_OCTAVE, edgeOf, NON_FINITE_BIN } from '../estimator/bins.ts';
import { type ActivationHistogram, nonzeroCount } from '../estimator/histogram.ts';
import type { SiteHistograms } from '../estimator/rolling-window.ts';

/**
 * Normalised Wasserstein-1 distance of the distributions of ln|a|: ∫ |CDF₁ − CDF₂| d ln a, in standard deviations
 * of ln|a| of the reference.
 *
 * Multiplying every activation by c gives |ln c| / σ. 0 when either histogram holds no activation. O(bins).
 */
export function logWasserstein(reference: ActivationHistogram, current: ActivationHistogram): number {
  const n = nonzeroCount(reference);
  const m = nonzeroCount(current);
  if (n === 0 || m === 0) return 0;
  const first = Math.min(reference.offset, current.offset);
  const last = Math.max(reference.offset + reference.counts.length, current.offset + current.counts.length);
  let below = 0;
  let distance = 0;
  for (let bin = first; bin < last; bin++) {
    below +=
      (reference.counts[bin - reference.offset] ?? 0) / n - (current.counts[bin - current.offset] ?? 0) / m;
    distance += Math.abs(below) * LOG_WIDTHS[bin]!;
  }
  return distance / logSpread(reference, n);
}

/** Width of every bin on the ln axis; bin 0 reaches down to 0 and counts as one octave. */
const LOG_WIDTHS = Float64Array.from({ length: NON_FINITE_BIN }, (_, bin) =>
  bin === 0 ? Math.LN2 : Math.log(edgeOf(bin + 1) / edgeOf(bin)),
);
const LOG_EDGES = Float64Array.from({ length: NON_FINITE_BIN }, (_, bin) =>
  Math.log(edgeOf(Math.max(bin, 1))),
);

/** Standard deviation of ln|a|, not below one bin. */
function logSpread(h: ActivationHistogram, n: number): number {
  let mean = 0;
  let square = 0;
  for (let i = 0; i < h.counts.length; i++) {
    if (h.counts[i] === 0) continue;
    const x = LOG_EDGES[h.offset + i]!;
    mean += (h.counts[i]! / n) * x;
    square += (h.counts[i]! / n) * x * x;
  }
  return Math.max(Math.sqrt(Math.max(0, square - mean * mean)), 1 / BINS_PER_OCTAVE);
}

export interface SiteDistance {
  readonly distance: number;
  /** Index of the site that moved most. */
  readonly site: number;
}

/** The largest distance over the sites. */
export function driftDistance(reference: SiteHistograms, current: SiteHistograms): SiteDistance {
  let worst: SiteDistance = { distance: 0, site: 0 };
  for (const [site, h] of reference.entries()) {
    const distance = current[site] === undefined ? 0 : logWasserstein(h, current[site]);
    if (distance > worst.distance) worst = { distance, site };
  }
  return worst;
}
