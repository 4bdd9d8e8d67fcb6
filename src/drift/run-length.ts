import { type Average, averageOf } from './average.ts';
import { type OwnScores, type Replica, wildReplicas } from './bootstrap.ts';
import { type Excerpts, effectiveShare, excerpts } from './effective-channels.ts';
import { firstPassage } from './first-passage.ts';
import type { Steps } from './steps.ts';

/** What chance makes of the reference and of the averages. */
export interface Chance {
  readonly memory: number;
  readonly own: OwnScores;
  readonly replicas: readonly Replica[];
  readonly excerpts: Excerpts;
}

/** Replicas of a reference, fewer when there are many channels to tell the same; they bound the time that a limit takes. */
const REPLICAS = { least: 16, most: 64, timesChannels: 640 } as const;

export function* chanceOf(own: OwnScores, memory: number, random: () => number): Steps<Chance> {
  const { least, most, timesChannels } = REPLICAS;
  const count = Math.max(least, Math.min(most, Math.ceil(timesChannels / Math.max(1, own.channels))));
  const replicas = yield* wildReplicas(own, count, random);
  return { memory, own, replicas, excerpts: yield* excerpts(own, 2 * count, random) };
}

/**
 * Requests until an average leaves ±limit by chance: the mean over references.
 *
 * Given a reference, every channel's average is an Ornstein–Uhlenbeck process about the mean of the channel's scores,
 * looked at once per request. Each replica, and its mirror image, is a reference.
 */
export function* meanRunLength(limit: number, { memory, own, replicas, excerpts }: Chance): Steps<number> {
  const average = averageOf(memory);
  const share = yield* effectiveShare(
    excerpts,
    own.variance.map((v) => limit / (average.deviation * Math.sqrt(v))),
  );
  let total = 0;
  for (const replica of replicas) {
    total += 1 / hazard(limit, average, own, replica, 1) + 1 / hazard(limit, average, own, replica, -1);
    yield;
  }
  return total / (2 * replicas.length * average.rate * share);
}

/** The least that a replica leaves of a variance. */
const LEAST_SHARE = 0.25;

/** Sum over channels of the alarms per relaxation time. */
function hazard(limit: number, average: Average, own: OwnScores, replica: Replica, sign: 1 | -1): number {
  const overshoot = OVERSHOOT * Math.sqrt(2 * average.rate);
  let sum = 0;
  for (const [c, v] of own.variance.entries()) {
    if (v === 0) continue;
    const scale = average.deviation * Math.sqrt(Math.max(LEAST_SHARE * v, v + sign * replica.variance[c]!));
    const skewness = average.skewness * own.skewness[c]!;
    const kurtosis = average.kurtosis * own.kurtosis[c]!;
    const up = normalLevel((limit - replica.mean[c]!) / scale, skewness, kurtosis);
    const down = normalLevel((limit + replica.mean[c]!) / scale, -skewness, kurtosis);
    sum += 1 / firstPassage(up + overshoot) + 1 / firstPassage(down + overshoot);
  }
  return sum;
}

/** Mean overshoot of a normal random walk over a boundary, in steps. Source: Siegmund 1985, section 10.3. */
const OVERSHOOT = 0.5826;
/** The most that a level is corrected, as a share of it: the expansion holds near the normal distribution only. */
const LARGEST_CORRECTION = 0.25;

/** The level that is as rare for a normal variable. Source: Cornish & Fisher 1938, to the fourth cumulant. */
function normalLevel(level: number, skewness: number, kurtosis: number): number {
  const correction =
    (skewness * (1 - level ** 2)) / 6 +
    (kurtosis * (3 * level - level ** 3)) / 24 +
    (skewness ** 2 * (4 * level ** 3 - 7 * level)) / 36;
  const largest = LARGEST_CORRECTION * Math.abs(level);
  return level + Math.max(-largest, Math.min(largest, correction));
}

const STEPS = 12;
const PRECISION = 1e-3;

/**
 * The limit with the given mean run length, to 0.1 % of the run length.
 *
 * ln T grows about as level²/2, so level² is moved by twice what ln T lacks.
 */
export function* limitFor(runLength: number, chance: Chance): Steps<number> {
  const { deviation } = averageOf(chance.memory);
  let square = 2 * Math.log(runLength);
  for (let i = 0; i < STEPS; i++) {
    const length = yield* meanRunLength(Math.sqrt(square) * deviation, chance);
    const lacking = Math.log(runLength / length);
    if (Math.abs(lacking) < PRECISION) break;
    square = Math.min(Math.max(square + 2 * lacking, LEAST_LEVEL ** 2), HIGHEST_LEVEL ** 2);
  }
  return Math.sqrt(square) * deviation;
}

/** Limits are looked for between so many standard deviations of an average. */
const LEAST_LEVEL = 0.1;
const HIGHEST_LEVEL = 10;
