/** How much faster one way of running a model is than another, from runs in alternation. */
import { xorshift } from '../drift/xorshift.ts';

/** Time of the plain model over time of the other; above 1 the other is faster. `low` and `high` bound the median. */
export interface Speedup {
  readonly ratio: number;
  readonly low: number;
  readonly high: number;
}

/** Chance that the median lies outside the interval, at most. */
const ERROR = 0.05;
/** The same for a verdict, which is asked for after every round. */
const ERROR_OF_LOOKS = 0.01;

/**
 * The median of the ratios of rounds, with a distribution-free interval: the closest pair of order statistics between which
 * the median lies with probability 1 − error (of signs of n differences; where n is too small for that, all of them).
 *
 * @param ratios - one per round, not empty.
 * @param error - 5 % by default.
 */
export function speedupOf(ratios: readonly number[], error = ERROR): Speedup {
  const sorted = ratios.toSorted((a, b) => a - b);
  const n = sorted.length;
  let below = 0;
  let tail = 0.5 ** n;
  // tail = P(at most `below` of n fair coins show heads)
  for (let choose = 1; ; ) {
    choose = (choose * (n - below)) / (below + 1);
    const next = tail + choose * 0.5 ** n;
    if (2 * next > error || below + 1 >= n / 2) break;
    tail = next;
    below++;
  }
  const middle = n >> 1;
  const ratio = n % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
  return { ratio, low: sorted[below]!, high: sorted[n - 1 - below]! };
}

/** As fast as plain, because it is. */
export const PLAIN: Speedup = { ratio: 1, low: 1, high: 1 };

/** The speedup of all of production, when a share of it, 0–1, runs so much faster. */
export function speedupOfShare({ ratio, low, high }: Speedup, share: number): Speedup {
  const of = (whole: number): number => 1 / (1 - share + share / whole);
  return { ratio: of(ratio), low: of(low), high: of(high) };
}

/** A sparse model must be this much faster to be taken: a smaller gain is not worth the difference in rounding. */
export const WORTHWHILE = 1.03;
const LEAST_ROUNDS = 9;
const MOST_ROUNDS = 101;

export type Verdict = 'faster' | 'not-faster' | 'open';

/**
 * Whether the other way is faster by what is worthwhile; in doubt after many rounds it is not.
 *
 * @param isLast - there will be no more rounds, however few there were.
 */
export function verdictOf(ratios: readonly number[], isLast = false): Verdict {
  if (ratios.length < LEAST_ROUNDS) return isLast ? 'not-faster' : 'open';
  const { low, high } = speedupOf(ratios, ERROR_OF_LOOKS);
  if (low >= WORTHWHILE) return 'faster';
  return high < WORTHWHILE || isLast || ratios.length >= MOST_ROUNDS ? 'not-faster' : 'open';
}

/** A request that was run both ways. */
export interface TimedRequest {
  readonly plainMs: number;
  /** Null: pruning does not pay for such a request, which is answered plain. */
  readonly prunedMs: number | null;
}

const RESAMPLES = 400;

/**
 * The speedup of a stream of requests: total time plain over total time as served, with a 95 % bootstrap interval over the
 * requests. Long requests count for more than short ones, as they do on a machine.
 *
 * @param requests - not empty.
 * @param share - of the requests that pruning pays for, 0–1: so many are pruned.
 */
export function speedupOfTotals(requests: readonly TimedRequest[], share: number): Speedup {
  const random = xorshift(1);
  const n = requests.length;
  const ratioOf = (at: (i: number) => number): number => {
    let plain = 0;
    let served = 0;
    for (let i = 0; i < n; i++) {
      const { plainMs, prunedMs } = requests[at(i)]!;
      plain += plainMs;
      served += prunedMs === null ? plainMs : share * prunedMs + (1 - share) * plainMs;
    }
    return plain / served;
  };
  const resampled = Array.from({ length: RESAMPLES }, () => ratioOf(() => Math.floor(random() * n)));
  resampled.sort((a, b) => a - b);
  const tail = Math.floor((RESAMPLES * ERROR) / 2);
  return { ratio: ratioOf((i) => i), low: resampled[tail]!, high: resampled[RESAMPLES - 1 - tail]! };
}
