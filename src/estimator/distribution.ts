import { BINS_PER_OCTAVE, binOf, edgeOf } from './bins.ts';
import { type ActivationHistogram, nonzeroCount, zeroRatio } from './histogram.ts';

/** Bars per octave of magnitude: what a small picture can show. */
const BARS_PER_OCTAVE = 4;
const BINS_PER_BAR = BINS_PER_OCTAVE / BARS_PER_OCTAVE;
/** Of the smallest magnitudes, the share that gets no bars: a tail that goes on for ever. */
const TAIL = 0.005;
/** Most bars: 24 octaves. */
const MOST_BARS = 96;

/** How |a| is distributed at one site. Shares are of the nonzero activations, 0–1. */
export interface Distribution {
  /** Share in each bar, shape [edges − 1]. With `below` they add up to 1, or to 0 where nothing is active. */
  readonly shares: readonly number[];
  /** Share that is smaller than the first edge. */
  readonly below: number;
  /** Share that is smaller than the threshold that was asked for; null: none was. */
  readonly belowThreshold: number | null;
  /** Half of the nonzero activations are smaller; null where nothing is active. */
  readonly median: number | null;
  /** Share of all activations that is exactly zero; null where there were none. */
  readonly zeroRatio: number | null;
}

/** Several distributions at one site, over the same bars. */
export interface Distributions {
  /** Edges of the bars in units of activation, ascending, four an octave; empty where nothing is active. */
  readonly edges: readonly number[];
  /** One for each histogram. */
  readonly distributions: readonly Distribution[];
}

/**
 * Histograms of one site as distributions that can be drawn over each other. O(bins).
 *
 * @param histograms - magnitudes at one site, of different times.
 * @param threshold - τ ≥ 0 in units of activation; exact on a bin's edge, as those of candidates are. Null: none.
 */
export function distributionsOf(
  histograms: readonly ActivationHistogram[],
  threshold: number | null,
): Distributions {
  const ranges = histograms.flatMap((h) => rangeOf(h) ?? []);
  const to = Math.max(...ranges.map((range) => range.to));
  const from = Math.max(Math.min(...ranges.map((range) => range.from)), to - MOST_BARS);
  const bars = ranges.length === 0 ? 0 : to - from;
  return {
    edges: bars === 0 ? [] : Array.from({ length: bars + 1 }, (_, i) => edgeOf((from + i) * BINS_PER_BAR)),
    distributions: histograms.map((h) => distributionOf(h, bars === 0 ? 0 : from, bars, threshold)),
  };
}

/** The bars [from, to) that hold all magnitudes but the tail; undefined where nothing is active. */
function rangeOf(h: ActivationHistogram): { readonly from: number; readonly to: number } | undefined {
  const last = h.counts.findLastIndex((count) => count > 0);
  if (last < 0) return undefined;
  return { from: barOf(h.offset + quantileBin(h, TAIL)), to: barOf(h.offset + last) + 1 };
}

function distributionOf(
  h: ActivationHistogram,
  from: number,
  bars: number,
  threshold: number | null,
): Distribution {
  const counts = new Float64Array(bars);
  let below = 0;
  let belowThreshold = 0;
  const thresholdBin = threshold === null ? 0 : binOf(threshold);
  for (const [i, count] of h.counts.entries()) {
    const bar = barOf(h.offset + i) - from;
    if (bar < 0) below += count;
    else if (bar < bars) counts[bar]! += count;
    if (h.offset + i < thresholdBin) belowThreshold += count;
  }
  const all = nonzeroCount(h);
  const share = (count: number) => (all === 0 ? 0 : count / all);
  const zeros = zeroRatio(h);
  return {
    shares: Array.from(counts, share),
    below: share(below),
    belowThreshold: threshold === null ? null : share(belowThreshold),
    median: all === 0 ? null : edgeOf(h.offset + quantileBin(h, 0.5)),
    zeroRatio: Number.isNaN(zeros) ? null : zeros,
  };
}

function barOf(bin: number): number {
  return Math.floor(bin / BINS_PER_BAR);
}

/** Index of the stored bin that holds a quantile of the nonzero activations, of which there are some. */
function quantileBin(h: ActivationHistogram, quantile: number): number {
  let left = quantile * nonzeroCount(h);
  return h.counts.findIndex((count) => {
    left -= count;
    return count > 0 && left <= 0;
  });
}
