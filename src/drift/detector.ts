import { ASPECTS, type Aspect, type RequestSummary } from '../estimator/summary.ts';
import { averageOf } from './average.ts';
import { ownScores } from './bootstrap.ts';
import { normalScores, scoreOf } from './normal-scores.ts';
import { chanceOf, limitFor } from './run-length.ts';
import { atOnce, type Steps } from './steps.ts';
import { xorshift } from './xorshift.ts';

export interface DriftOptions {
  /** Sampled requests between two false alarms, on average over references. */
  readonly runLength: number;
  /** Sampled requests that the average remembers, about. */
  readonly memory: number;
}

/** What the traffic looked like when the threshold was set, and how far it may move by chance. Plain JSON. */
export interface DriftReference {
  readonly memory: number;
  /** In standard deviations between requests; the same for every site. */
  readonly limit: number;
  /** Score of each place among the reference's requests. */
  readonly scores: readonly number[];
  /** Every number of the requests' summaries, each sorted. */
  readonly sorted: readonly (readonly number[])[];
  /** Requests that resemble their neighbours are read so far apart only; absent: all are. */
  readonly blockRequests?: number;
}

/** The detector's whole state, and what it says. Plain JSON. */
export interface DriftReading {
  /** Requests read since the reference. */
  readonly requests: number;
  /** Average score of each number of the summaries, exponentially weighted. */
  readonly averages: readonly number[];
  /** The largest average, in standard deviations between the reference's requests; ln c / σ when all grow by c. */
  readonly distance: number;
  readonly limit: number;
  /** Index of the site that moved most. */
  readonly site: number;
  /** What of it moved. */
  readonly aspect: Aspect;
  /** One of the requests just read took the distance over the limit. */
  readonly isDrift: boolean;
}

/**
 * A reference, and the limit that stationary traffic crosses once in `runLength` sampled requests.
 *
 * A new request is placed among the reference's, so that nothing depends on how the traffic is distributed. The limit
 * is solved from the mean first-passage time of the averaged scores, which is known in closed form, over replicas of
 * the reference and for all sites at once. O(requests · sites); deterministic.
 *
 * The run length is the mean over references, which is what a server sees whose every alarm makes a new one. A single
 * reference has its own: its means are off by a deviation of the average times √(memory / requests of the reference),
 * which changes ln T by about as much times the level. `bench:control -- run-lengths` shows the spread between
 * references, half of the mean at 1,000 and more at greater lengths. Requests are taken to be exchangeable: sampled requests that resemble their predecessors shorten it, by half at an autocorrelation of .1. Where they do, give it some that are far apart.
 * A window below some 200 requests leaves the mean to a few lucky references.
 *
 * @param requests - summaries of all requests of the window, at least 2.
 */
export function driftReference(requests: readonly RequestSummary[], options: DriftOptions): DriftReference {
  return atOnce(referenceSteps(requests, options));
}

/** The same in steps, each of which takes some microseconds per site. */
export function* referenceSteps(
  requests: readonly RequestSummary[],
  { runLength, memory }: DriftOptions,
): Steps<DriftReference> {
  const sorted: number[][] = [];
  for (const c of (requests[0] ?? []).keys()) {
    sorted.push(sortedNumbers(requests.map((r) => r[c]!)));
    yield;
  }
  const scores = normalScores(requests.length);
  const own = yield* ownScores(requests, sorted, scores);
  const chance = yield* chanceOf(own, memory, xorshift(requests.length));
  const least = LEAST_REQUESTS * averageOf(memory).weight * scores.at(-1)!;
  return { memory, limit: Math.max(least, yield* limitFor(runLength, chance)), scores, sorted };
}

/** Many times as fast as a sort that is told how to compare. */
function sortedNumbers(values: readonly number[]): number[] {
  return Array.from(Float64Array.from(values).sort());
}

/** However little the traffic varies, more requests than these must differ. */
const LEAST_REQUESTS = 2;

/**
 * Takes in new requests, oldest first; however they are batched, the averages are the same.
 *
 * O(requests · sites · log reference).
 *
 * @param previous - the reading before; null right after the reference was taken.
 */
export function readDrift(
  reference: DriftReference,
  requests: readonly RequestSummary[],
  previous: DriftReading | null,
): DriftReading {
  const { limit, memory, sorted } = reference;
  const averages = previous?.averages.slice() ?? sorted.map(() => 0);
  const { weight } = averageOf(memory);
  let read = previous?.requests ?? 0;
  let worst = furthest(averages);
  let isDrift = false;
  for (const request of requests) {
    read++;
    for (const [c, values] of sorted.entries()) {
      averages[c]! += weight * (scoreOf(request[c]!, values, reference.scores) - averages[c]!);
    }
    if (isDrift) continue;
    worst = furthest(averages);
    isDrift = worst.distance > limit;
  }
  const { channel, distance } = worst;
  const site = Math.floor(channel / ASPECTS.length);
  return {
    requests: read,
    averages,
    distance,
    limit,
    site,
    aspect: ASPECTS[channel % ASPECTS.length]!,
    isDrift,
  };
}

function furthest(averages: readonly number[]): { channel: number; distance: number } {
  let channel = 0;
  for (let c = 1; c < averages.length; c++) {
    if (Math.abs(averages[c]!) > Math.abs(averages[channel]!)) channel = c;
  }
  return { channel, distance: Math.abs(averages[channel] ?? 0) };
}
