import type { RequestSummary } from './summary.ts';
import { isVarying } from './varying.ts';

/** A request that was sampled, with its place in its stream. */
export interface PlacedRequest {
  readonly stream: number;
  /** Requests of the stream before it, sampled or not. */
  readonly index: number;
  readonly summary: RequestSummary;
}

/** Distances that are looked at, in requests: 1, 2–3, 4–7, … below 2^10. */
const OCTAVES = 10;
/** The correlation time of requests that are all alike, in requests. */
const LONGEST = 2 ** OCTAVES;
/** Pairs of requests that a correlation is read from, at least: fewer hide one of a third. */
const LEAST_PAIRS = 225;
/** Standard errors above 0 at which a correlation is one. */
const CLEAR = 5;
/** Numbers of a summary that are looked at, spread over all: what an estimate costs is bounded. */
const MOST_CHANNELS = 8;

/**
 * How many requests of one stream, in a row, are worth one: the integrated autocorrelation time 1 + 2 Σ ρ(k) of their summaries.
 * ρ(k) is the mean correlation of requests of one stream that are k apart, averaged over the k of an octave, since only some
 * requests are sampled. An octave with too few pairs is taken together with the next; the sum ends where the correlation is not clear
 * of noise. At least 1; the longest that is looked for where no number differs between any two requests. What is weak and reaches far
 * is not seen here: see `blockCorrelation`. O(requests² · channels) at most, O(requests · channels) where none resemble each other.
 *
 * Source: Sokal 1997, "Monte Carlo methods in statistical mechanics: foundations and new algorithms", section 3; in octaves as
 * in the blocking method of Flyvbjerg & Petersen 1989.
 *
 * @param requests - of every stream in order.
 * @returns requests; null where there are too few pairs to tell.
 */
export function requestCorrelation(requests: readonly PlacedRequest[]): number | null {
  if (requests.length < 2) return null;
  const values = standardized(requests);
  if (values === null) return LONGEST;
  const streams = byStream(requests);
  let time = 1;
  let isRead = false;
  let pool = NOTHING;
  for (let octave = 0; octave < OCTAVES; octave++) {
    const from = 2 ** octave;
    const { sum, pairs } = correlationAt(requests, streams, values, from, 2 * from);
    pool = { sum: pool.sum + sum, pairs: pool.pairs + pairs, distances: pool.distances + from };
    if (pool.pairs < LEAST_PAIRS) continue;
    isRead = true;
    const mean = pool.sum / pool.pairs;
    if (!(mean > CLEAR / Math.sqrt(pool.pairs))) break;
    time += 2 * pool.distances * mean;
    pool = NOTHING;
  }
  return isRead ? time : null;
}

const NOTHING = { sum: 0, pairs: 0, distances: 0 };

/** Sum of the products of the values of two requests of one stream whose distance is in [from, to), and their number. */
function correlationAt(
  requests: readonly PlacedRequest[],
  streams: readonly (readonly number[])[],
  values: readonly Float64Array[],
  from: number,
  to: number,
) {
  let sum = 0;
  let pairs = 0;
  for (const members of streams) {
    let first = 0;
    for (const [i, later] of members.entries()) {
      const { index } = requests[later]!;
      while (index - requests[members[first]!]!.index >= to) first++;
      for (let j = first; j < i && index - requests[members[j]!]!.index >= from; j++) {
        sum += product(values[later]!, values[members[j]!]!);
        pairs++;
      }
    }
  }
  return { sum, pairs };
}

function product(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let c = 0; c < a.length; c++) sum += a[c]! * b[c]!;
  return sum;
}

/** Indices of the requests of each stream. */
export function byStream(requests: readonly PlacedRequest[]): number[][] {
  const streams = new Map<number, number[]>();
  for (const [i, { stream }] of requests.entries()) {
    const members = streams.get(stream);
    if (members === undefined) streams.set(stream, [i]);
    else members.push(i);
  }
  return [...streams.values()];
}

/**
 * Some numbers of every summary, each with mean 0, and scaled so that a request's product with itself is 1 on average. Null: none
 * of them varies.
 */
export function standardized(requests: readonly PlacedRequest[]): Float64Array[] | null {
  const width = requests[0]!.summary.length;
  const stride = Math.max(1, Math.ceil(width / MOST_CHANNELS));
  const values = requests.map(() => new Float64Array(Math.ceil(width / stride)));
  let varying = 0;
  for (let c = 0; c < width; c += stride) {
    const column = requests.map(({ summary }) => summary[c]!);
    if (!isVarying(column)) continue;
    const mean = column.reduce((sum, x) => sum + x, 0) / column.length;
    const variance = column.reduce((sum, x) => sum + (x - mean) ** 2, 0) / column.length;
    varying++;
    for (const [i, x] of column.entries()) values[i]![c / stride] = (x - mean) / Math.sqrt(variance);
  }
  return varying === 0 ? null : values.map((row) => row.map((x) => x / Math.sqrt(varying)));
}
