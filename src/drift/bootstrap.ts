import { scoreOf } from './normal-scores.ts';
import { rowsPerStep, type Steps } from './steps.ts';

/** Scores of the reference's own requests, requests × channels; channels are the numbers of a summary. */
export interface OwnScores {
  readonly size: number;
  readonly channels: number;
  readonly score: Float64Array;
  /** Mean square of each channel: 1, less what ties take from it. */
  readonly variance: Float64Array;
  readonly skewness: Float64Array;
  /** Excess kurtosis. */
  readonly kurtosis: Float64Array;
}

/** A step for each channel. */
export function* ownScores(
  requests: readonly (readonly number[])[],
  sorted: readonly (readonly number[])[],
  scores: readonly number[],
): Steps<OwnScores> {
  const size = requests.length;
  const channels = sorted.length;
  const score = new Float64Array(size * channels);
  const variance = new Float64Array(channels);
  const cubes = new Float64Array(channels);
  const fourths = new Float64Array(channels);
  const scale = untiedScale(scores);
  for (const [c, values] of sorted.entries()) {
    for (let i = 0; i < size; i++) {
      const x = scale * scoreOf(requests[i]![c]!, values, scores);
      score[i * channels + c] = x;
      variance[c]! += x ** 2 / size;
      cubes[c]! += x ** 3 / size;
      fourths[c]! += x ** 4 / size;
    }
    yield;
  }
  const skewness = cubes.map((x, c) => x / (variance[c]! ** 1.5 || 1));
  const kurtosis = fourths.map((x, c) => x / (variance[c]! ** 2 || 1) - 3);
  return { size, channels, score, variance, skewness, kurtosis };
}

/** A value of the reference lies between two places, which takes a little of its variance: this gives it back. */
function untiedScale(scores: readonly number[]): number {
  let variance = 0;
  for (let i = 1; i < scores.length; i++) variance += ((scores[i - 1]! + scores[i]!) / 2) ** 2;
  return variance === 0 ? 1 : Math.sqrt((scores.length - 1) / variance);
}

/** How requests of the same traffic score against another reference of it, per channel. */
export interface Replica {
  /** Mean score; 0 on average over replicas. */
  readonly mean: Float64Array;
  /** Variance of the score less its average over replicas. */
  readonly variance: Float64Array;
}

/**
 * Replicas of a reference by the wild bootstrap: every request of it, with all of its sites, is weighted +1 or −1.
 *
 * The request is the block: activations inside one may depend on each other in any way, and so may sites.
 * O(replicas · requests · channels).
 *
 * Source: Wu 1986.
 */
export function* wildReplicas(own: OwnScores, count: number, random: () => number): Steps<Replica[]> {
  const replicas: Replica[] = [];
  while (replicas.length < count) replicas.push(yield* wildReplica(own, random));
  return replicas;
}

function* wildReplica(own: OwnScores, random: () => number): Steps<Replica> {
  const { size, channels } = own;
  const rows = rowsPerStep(channels);
  const mean = new Float64Array(channels);
  const variance = new Float64Array(channels);
  for (let from = 0; from < size; from += rows) {
    addSigned(own, from, Math.min(size, from + rows), random, { mean, variance });
    yield;
  }
  return { mean, variance };
}

function addSigned(
  { size, channels, score, variance: own }: OwnScores,
  from: number,
  to: number,
  random: () => number,
  { mean, variance }: Replica,
): void {
  for (let i = from; i < to; i++) {
    const sign = random() < 0.5 ? -1 / size : 1 / size;
    for (let c = 0; c < channels; c++) {
      const x = score[i * channels + c]!;
      mean[c]! += sign * x;
      variance[c]! += sign * (x * x - own[c]!);
    }
  }
}
