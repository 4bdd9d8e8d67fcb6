import { ServingError } from '../config/errors.ts';

export interface AdmissionLimits {
  /** Most production runs that may wait while none is refused; absent: as many as a burst may queue. */
  readonly maxQueue?: number | undefined;
  /** Longest predicted wait at which a run is accepted, in milliseconds. */
  readonly maxQueueMs: number;
  readonly workers: number;
  /** Requests that may share a run; 1 without batching. */
  readonly requestsPerRun?: number;
}

/** CoDel's target: the wait that a queue may keep. */
const TARGET_MS = 5;
/** CoDel's interval: a queue that has not been empty for longer is no burst. */
const INTERVAL_MS = 100;
/** Clients per worker that each send the next request once the last is answered, and are no overload. */
const CLIENTS_PER_WORKER = 64;
/** Longest queue of a burst, in runs per worker. */
const MOST_PER_WORKER = 256;

/**
 * Whether one more run may wait: controlled delay (CoDel), decided when a run arrives instead of when it leaves the queue.
 *
 * A queue evens out bursts. Under overload, a long queue only makes every answer late. So
 *
 *     wait ≤ interval                       of a queue that was empty within the last interval,
 *     wait ≤ target                         of any other, and of every queue once a run was refused,
 *     wait ≤ target · (time since then) / interval    from one interval after the last refusal on.
 *
 * The predicted wait is the number of runs that wait times the mean gap between departures while some wait (Little's law); a
 * gap is forgotten with the interval as its time constant. One run per worker may always wait, as CoDel never drops the last
 * packet. Two numbers are not CoDel's: 64 clients per worker may wait until one is refused, and 256 runs per worker at most.
 *
 * What each part buys, in virtual time at 1 ms a run (p99 at three times the capacity over p99 at 0.4 of it; 2.4 as it is, all
 * of the capacity answered):
 *
 *     without the target               27
 *     without the slow return          23, from clients that pause for 120 ms; 2.4 as it is
 *     without the burst's interval     18 % of repeated bursts of 80 are answered; all as it is
 *     without the 64 clients           32 clients at 5 ms a run are refused 74 % of the time; never as it is
 *     without the 256 runs             a first burst of 1000 waits 1000 ms; 256 ms as it is
 *
 * Times are in milliseconds of a clock that only goes forward.
 *
 * Sources: Nichols & Jacobson, Controlling Queue Delay, ACM Queue 10(5), 2012 (RFC 8289: target 5 ms, interval 100 ms);
 * Maurer, Fail at Scale, ACM Queue 13(8), 2015 (for requests: the limit depends on when the queue was last empty).
 */
export class Admission {
  readonly #limits: AdmissionLimits;
  /** Sums over the gaps between departures while runs waited, each discounted by its age over the interval. */
  #gapMs = 0;
  #gaps = 0;
  /** When the last run left while others waited. */
  #departedAt: number | undefined;
  /** Since when at least one run has waited. */
  #filledSince = Number.POSITIVE_INFINITY;
  #refusedAt = Number.NEGATIVE_INFINITY;

  constructor(limits: AdmissionLimits) {
    this.#limits = limits;
  }

  /** Must be called when a run was answered or failed. @param waiting - runs that still wait. */
  departed(waiting: number, now: number): void {
    if (this.#departedAt !== undefined) {
      const gapMs = now - this.#departedAt;
      const discount = Math.exp(-gapMs / INTERVAL_MS);
      this.#gapMs = this.#gapMs * discount + gapMs;
      this.#gaps = this.#gaps * discount + 1;
    }
    this.#departedAt = waiting > 0 ? now : undefined;
    if (waiting === 0) this.#filledSince = Number.POSITIVE_INFINITY;
  }

  /** Must be called when a run begins to wait. */
  waits(now: number): void {
    this.#filledSince = Math.min(this.#filledSince, now);
  }

  /**
   * Why one more run must not wait; undefined if it may.
   *
   * @param waiting - runs that wait already.
   * @param handedOver - how many of them may be in workers' mailboxes, where the workers need them.
   */
  refusal(waiting: number, now: number, handedOver = 0): ServingError | undefined {
    if (waiting < this.#limit(now, handedOver)) return undefined;
    this.#refusedAt = now;
    const waitMs = this.#gaps === 0 ? 0 : Math.round((waiting * this.#gapMs) / this.#gaps);
    const wait = waitMs > 0 ? `, for about ${waitMs} ms` : '';
    return overloaded(`${waiting} requests are waiting already${wait}`);
  }

  /** Whether a run was refused within the last interval. */
  isRefusing(now: number): boolean {
    return now - this.#refusedAt < INTERVAL_MS;
  }

  /**
   * Why a request that waited for the event loop is refused; undefined if it is not. If the serving thread is the bottleneck,
   * requests wait for that thread, not in the queue: for an interval after a refusal the target holds for that wait, too.
   *
   * @param turnMs - time that the event loop has spent on requests in its present turn.
   */
  lateness(turnMs: number, now: number): ServingError | undefined {
    if (!this.isRefusing(now) || turnMs < TARGET_MS) return undefined;
    return overloaded('more requests come than can be handled');
  }

  #limit(now: number, handedOver: number): number {
    const { workers, maxQueueMs, requestsPerRun = 1 } = this.#limits;
    const maxQueue = this.#limits.maxQueue ?? this.#burst(now);
    const fewest = workers * requestsPerRun + handedOver;
    const shortest = Math.max(fewest, this.#runsIn(TARGET_MS));
    const regrown = shortest * Math.max(1, (now - this.#refusedAt) / INTERVAL_MS);
    return Math.min(maxQueue, Math.max(fewest, Math.min(regrown, this.#runsIn(maxQueueMs))));
  }

  #burst(now: number): number {
    const { workers } = this.#limits;
    const isStanding = now - this.#filledSince > INTERVAL_MS;
    const runs = this.#runsIn(isStanding ? TARGET_MS : INTERVAL_MS);
    return Math.min(MOST_PER_WORKER * workers, Math.max(CLIENTS_PER_WORKER * workers, runs));
  }

  #runsIn(ms: number): number {
    return this.#gaps === 0 ? Number.POSITIVE_INFINITY : Math.ceil((ms * this.#gaps) / this.#gapMs);
  }
}

/** An error without a stack: making one takes longer than all the rest of a refusal. */
function overloaded(message: string): ServingError {
  const { stackTraceLimit } = Error;
  Error.stackTraceLimit = 0;
  const error = new ServingError('OVERLOADED', message);
  Error.stackTraceLimit = stackTraceLimit;
  return error;
}
