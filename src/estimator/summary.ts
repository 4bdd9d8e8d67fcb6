import { edgeOf, NON_FINITE_BIN } from './bins.ts';
import type { ActivationHistogram, SiteHistograms } from './histogram.ts';

/**
 * What one sampled request looked like, two numbers per site: [level₀, spread₀, level₁, spread₁, …].
 *
 * Level is the mean of ln|a| over the nonzero activations, spread their standard deviation, both rounded to 10⁻⁶.
 */
export type RequestSummary = readonly number[];

export const ASPECTS = ['level', 'spread'] as const;
export type Aspect = (typeof ASPECTS)[number];

/** Level and spread of every site of one request. O(bins · sites). */
export function summarize(sites: SiteHistograms): RequestSummary {
  return sites.flatMap(logMoments);
}

/** A site where nothing is active lies below every other: at the smallest magnitude, without spread. */
function logMoments(h: ActivationHistogram): [level: number, spread: number] {
  let n = 0;
  let sum = 0;
  let square = 0;
  for (let i = 0; i < h.counts.length; i++) {
    const count = h.counts[i]!;
    if (count === 0) continue;
    const x = LOG_EDGES[h.offset + i]!;
    n += count;
    sum += count * x;
    square += count * x * x;
  }
  if (n === 0) return [rounded(LOG_EDGES[0]!), 0];
  const level = sum / n;
  return [rounded(level), rounded(Math.sqrt(Math.max(0, square / n - level * level)))];
}

const LOG_EDGES = Float64Array.from({ length: NON_FINITE_BIN }, (_, bin) =>
  Math.log(edgeOf(Math.max(bin, 1))),
);

/** Equal requests give equal numbers, and a stored reference stays short. */
function rounded(x: number): number {
  return Math.round(x * 1e6) / 1e6;
}
