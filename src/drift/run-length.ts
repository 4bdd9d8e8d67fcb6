import { averageOf } from './average.ts';
import { type OwnScores, type Replica, wildReplicas } from './bootstrap.ts';
import { clumpShare, type Excerpts, excerpts } from './clumps.ts';
import { firstPassage } from './first-passage.ts';

/** What chance makes of the reference and of the averages. */
export interface Chance {
  readonly memory: number;
  /** Variance of each channel's scores. */
  readonly variance: Float64Array;
  readonly replicas: readonly Replica[];
  readonly excerpts: Excerpts;
}

/** Replicas times channels; 16–64 replicas. */
const WORK = 640;

export function chanceOf(own: OwnScores, memory: number, random: () => number): Chance {
  const replicas = Math.max(16, Math.min(64, Math.ceil(WORK / Math.max(1, own.channels))));
  return {
    memory,
    variance: own.variance,
    replicas: wildReplicas(own, replicas, random),
    excerpts: excerpts(own, 2 * replicas, random),
  };
}

/**
 * Requests until an average leaves ±limit by chance: the mean over references.
 *
 * Given a reference, every channel's average is an Ornstein–Uhlenbeck process about the mean of the channel's scores,
 * looked at once per request. Each replica, and its mirror image, is a reference.
 */
export function meanRunLength(limit: number, { memory, variance, replicas, excerpts }: Chance): number {
  const { deviation, rate } = averageOf(memory);
  const share = clumpShare(
    excerpts,
    variance.map((v) => limit / (deviation * Math.sqrt(v))),
  );
  let total = 0;
  for (const replica of replicas) {
    total +=
      1 / hazard(limit, memory, variance, replica, 1) + 1 / hazard(limit, memory, variance, replica, -1);
  }
  return total / (2 * replicas.length * rate * share);
}

/** Mean overshoot of a normal random walk over a boundary, in steps. Source: Siegmund 1985, section 10.3. */
const OVERSHOOT = 0.5826;
/** The least that a replica leaves of a variance. */
const LEAST_SHARE = 0.25;

/** Sum over channels of the alarms per relaxation time. */
function hazard(
  limit: number,
  memory: number,
  variance: Float64Array,
  replica: Replica,
  sign: 1 | -1,
): number {
  const { deviation, rate } = averageOf(memory);
  const overshoot = OVERSHOOT * Math.sqrt(2 * rate);
  let sum = 0;
  for (const [c, v] of variance.entries()) {
    const scale = deviation * Math.sqrt(Math.max(LEAST_SHARE * v, v + sign * replica.variance[c]!));
    sum += 1 / firstPassage((limit - replica.mean[c]!) / scale + overshoot);
    sum += 1 / firstPassage((limit + replica.mean[c]!) / scale + overshoot);
  }
  return sum;
}

const STEPS = 12;
const PRECISION = 1e-3;

/**
 * The limit with the given mean run length, to 0.1 % of the run length.
 *
 * ln T grows about as level²/2, so level² is moved by twice what ln T lacks.
 */
export function limitFor(runLength: number, chance: Chance): number {
  const { deviation } = averageOf(chance.memory);
  let square = 2 * Math.log(runLength);
  for (let i = 0; i < STEPS; i++) {
    const lacking = Math.log(runLength / meanRunLength(Math.sqrt(square) * deviation, chance));
    if (Math.abs(lacking) < PRECISION) break;
    square = Math.min(Math.max(square + 2 * lacking, LEAST_LEVEL ** 2), HIGHEST_LEVEL ** 2);
  }
  return Math.sqrt(square) * deviation;
}

/** Limits are looked for between so many standard deviations of an average. */
const LEAST_LEVEL = 0.1;
const HIGHEST_LEVEL = 10;
