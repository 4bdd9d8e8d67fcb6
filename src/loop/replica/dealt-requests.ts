import type { RequestSummary } from '../../estimator/summary.ts';
import { isVarying } from '../../estimator/varying.ts';
import type { SharedSlice } from './slice-record.ts';

interface Sampled {
  readonly replica: string;
  readonly stream: number;
  readonly at: number;
  readonly summary: RequestSummary;
}

/** The latest samples that are compared with each other. */
const LATEST = 512;
/** After so many more they are compared anew. */
const EVERY = 64;
/** The clearest of so many readings counts: samples that happen to be of few scenes show no difference between scenes. */
const READINGS = 8;
/** Pairs that a reading takes, at least: fewer hide a correlation of .2. */
const LEAST_PAIRS = 225;
/** Standard errors above 0 at which a correlation is one. */
const CLEAR = 4;
/** So many samples before it, in time, each one is compared with. */
const NEIGHBOURS = 3;
/** Numbers of a summary that are looked at, spread over all. */
const MOST_CHANNELS = 8;

/**
 * Whether requests that come to different replicas at about the same time resemble each other: a balancer may deal the frames of one
 * scene out over all of them. Within each replica they then seem independent, and what all have seen is worth less than it seems.
 */
export class DealtRequests {
  #latest: Sampled[] = [];
  #seen = 0;
  #readings: number[] = [];

  /** Whether what different replicas see at the same time is alike. */
  get areAlike(): boolean {
    return this.#readings.some((reading) => reading > CLEAR);
  }

  /** Takes in sampled requests of one replica; times are those of the store's clock. */
  add(replica: string, requests: SharedSlice['requests']): void {
    for (const { at, place, summary } of requests) {
      this.#latest.push({ replica, stream: place?.stream ?? 0, at, summary });
      this.#seen++;
    }
    if (this.#seen < EVERY) return;
    this.#seen = 0;
    this.#latest = this.#latest.sort((a, b) => a.at - b.at).slice(-LATEST);
    const reading = acrossReplicas(this.#latest);
    if (reading !== null) this.#readings = [...this.#readings, reading].slice(-READINGS);
  }

  /** Other traffic begins, or another replica decides. */
  reset(): void {
    this.#latest = [];
    this.#seen = 0;
    this.#readings = [];
  }
}

/**
 * Mean correlation of requests of one stream that came to different replicas one soon after the other, in standard errors of what
 * independent ones show. Null: too few pairs to tell. O(samples · channels).
 *
 * @param samples - in the order of their times.
 */
export function acrossReplicas(samples: readonly Sampled[]): number | null {
  const values = standardized(samples.map(({ summary }) => summary));
  let sum = 0;
  let pairs = 0;
  for (const [i, later] of samples.entries()) {
    for (let j = Math.max(0, i - NEIGHBOURS); j < i; j++) {
      const earlier = samples[j]!;
      if (earlier.replica === later.replica || earlier.stream !== later.stream) continue;
      sum += product(values[i]!, values[j]!);
      pairs++;
    }
  }
  if (pairs < LEAST_PAIRS) return null;
  return sum / Math.sqrt(pairs);
}

/** Some numbers of every summary, each with mean 0, and scaled so that a product of a request with itself is 1 on average. */
function standardized(summaries: readonly RequestSummary[]): Float64Array[] {
  const width = summaries[0]?.length ?? 0;
  const stride = Math.max(1, Math.ceil(width / MOST_CHANNELS));
  const rows = summaries.map(() => [] as number[]);
  for (let c = 0; c < width; c += stride) {
    const column = summaries.map((summary) => summary[c]!);
    if (!isVarying(column)) continue;
    const mean = column.reduce((sum, x) => sum + x, 0) / column.length;
    const deviation = Math.sqrt(column.reduce((sum, x) => sum + (x - mean) ** 2, 0) / column.length);
    for (const [i, x] of column.entries()) rows[i]!.push((x - mean) / deviation);
  }
  return rows.map((row) => Float64Array.from(row, (x) => x / Math.sqrt(row.length)));
}

function product(a: Float64Array, b: Float64Array): number {
  return a.reduce((sum, x, i) => sum + x * b[i]!, 0);
}
