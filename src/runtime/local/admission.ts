import { ServingError } from '../../config/errors.ts';

export interface AdmissionLimits {
  /** Production runs that may wait; absent: what a burst may make, and less when that does not pass. */
  readonly maxQueue?: number | undefined;
  /** Longest wait that a run is let into, as predicted from how fast the queue moves. */
  readonly maxQueueMs: number;
  readonly workers: number;
  /** Runs that may share one; 1 unless they are batched. */
  readonly ridersPerRun?: number;
}

/** Runs per worker that wait in any case: with what is in a mailbox, the last takes four times as long as one alone. */
const SHORT_QUEUE_PER_WORKER = 2;
/** Runs per worker that a burst may make wait: at most so many, and no more than time's worth unless they are few. */
const BURST = { perWorker: 256, ms: 100, few: 64 } as const;
/** A queue that has not been empty for `sinceMs` and is longer than this is no burst: runs per worker, or time's worth. */
const STANDING = { sinceMs: 100, perWorker: 64, ms: 20 } as const;

/** Wait, in milliseconds, that is nothing while too much arrives: as long as a busy event loop takes to come round. */
const SHORT_QUEUE_MS = 2;
/** No more arrives than can be answered: without a refusal for so long, and for so many departures. */
const CALM = { ms: 250, departures: 32 } as const;
/** The same, of a queue that stays empty (departures as multiples of the short queue), or is so after most departures. */
const EMPTY = { ms: 20, shortQueues: 5, share: 0.5 } as const;
/**
 * For `sinceMs` after a refusal no longer a wait is let in than this: clients that paused are no new burst, unless the queue has
 * stayed empty for as long as takes to be calm.
 */
const RECOVERY = { sinceMs: 1000, ms: 8 } as const;
/**
 * So long into a turn of the event loop a request has waited for the turn as others wait in the queue: milliseconds, and at least
 * as many runs. That is looked at for `sinceMs` after a refusal.
 */
const LATE = { ms: 2, runs: 16, sinceMs: 250 } as const;
const SMOOTHING = 0.05;

/**
 * Whether one more run may wait.
 *
 * A queue evens out bursts. Once more arrives than can be answered, a long one helps nobody: every answer that is given
 * comes late, and no more are given. So a queue that was too long for once is kept short, as long as it must refuse at
 * all. Predicted wait = runs that wait · mean time between two departures while some wait.
 *
 * Times are in milliseconds of a clock that only goes forward.
 */
export class Admission {
  readonly #limits: AdmissionLimits;
  readonly #shortQueue: number;
  #intervalMs = 0;
  #departures = 0;
  /** When the last run left while others waited. */
  #departedAt: number | undefined;
  #emptySince = Number.NEGATIVE_INFINITY;
  #filledSince = Number.POSITIVE_INFINITY;
  /** Smoothed share of the departures that left nobody waiting, while the queue is kept short. */
  #emptyShare = 0;
  /** While the queue is kept short: when a run was refused last. */
  #refusedAt: number | undefined;
  #lastRefusalAt = Number.NEGATIVE_INFINITY;

  constructor(limits: AdmissionLimits) {
    this.#limits = limits;
    this.#shortQueue = limits.workers * Math.max(SHORT_QUEUE_PER_WORKER, limits.ridersPerRun ?? 1);
  }

  /** A run was answered or failed, and so many still wait. */
  departed(waiting: number, now: number): void {
    if (this.#departedAt !== undefined) {
      this.#departures++;
      const weight = Math.max(SMOOTHING, 1 / this.#departures);
      this.#intervalMs += weight * (now - this.#departedAt - this.#intervalMs);
    }
    this.#departedAt = waiting > 0 ? now : undefined;
    this.#emptyShare += SMOOTHING * ((waiting > 0 ? 0 : 1) - this.#emptyShare);
    if (waiting > 0 || this.#filledSince === Number.POSITIVE_INFINITY) return;
    this.#emptySince = now;
    this.#filledSince = Number.POSITIVE_INFINITY;
  }

  /** A run has begun to wait. */
  waits(now: number): void {
    if (now - this.#emptySince > CALM.ms) this.#lastRefusalAt = Number.NEGATIVE_INFINITY;
    this.#emptySince = Number.POSITIVE_INFINITY;
    this.#filledSince = Math.min(this.#filledSince, now);
  }

  /**
   * Why a run must not wait beside so many others; undefined when it may.
   *
   * @param handedOver - how many of those that wait may be in mailboxes: the workers need them there.
   */
  refusal(waiting: number, now: number, handedOver = 0): ServingError | undefined {
    if (waiting < this.#limit(now, handedOver)) return undefined;
    if (this.#refusedAt === undefined) this.#emptyShare = 0;
    this.#refusedAt = now;
    this.#lastRefusalAt = now;
    const waitMs = Math.round(waiting * this.#intervalMs);
    const wait = waitMs > 0 ? `, for about ${waitMs} ms` : '';
    return overloaded(`${waiting} requests are waiting already${wait}`);
  }

  /** Whether a run was refused for want of room just now. */
  isRefusing(now: number): boolean {
    return now - this.#lastRefusalAt < LATE.sinceMs;
  }

  /**
   * Why a request must not wait that the event loop has come to only now; undefined when it may. Where the thread that serves is
   * what is scarce, requests do not wait in the queue, which stays short, but for that thread.
   *
   * @param turnMs - for how long the loop has been handling requests in its present turn.
   */
  lateness(turnMs: number, now: number): ServingError | undefined {
    if (!this.isRefusing(now) || turnMs < Math.max(LATE.ms, LATE.runs * this.#intervalMs)) return undefined;
    return overloaded('more requests come than can be handled');
  }

  #limit(now: number, handedOver: number): number {
    const { workers, maxQueueMs } = this.#limits;
    const maxQueue = this.#limits.maxQueue ?? this.#burst(now);
    if (this.#isCalm(now)) this.#refusedAt = undefined;
    const limitMs = Math.min(maxQueueMs, this.#longestMs(now));
    return Math.min(
      maxQueue,
      Math.max(this.#shortQueue + handedOver, this.#runsIn(limitMs, BURST.perWorker * workers)),
    );
  }

  #longestMs(now: number): number {
    if (this.#refusedAt !== undefined) return SHORT_QUEUE_MS;
    return now - this.#lastRefusalAt < RECOVERY.sinceMs ? RECOVERY.ms : Number.POSITIVE_INFINITY;
  }

  #burst(now: number): number {
    const { workers } = this.#limits;
    const most = BURST.perWorker * workers;
    if (now - this.#filledSince > STANDING.sinceMs)
      return Math.max(STANDING.perWorker * workers, this.#runsIn(STANDING.ms, 0));
    return Math.min(most, Math.max(BURST.few * workers, this.#runsIn(BURST.ms, most)));
  }

  #runsIn(ms: number, ifUnknown: number): number {
    return this.#intervalMs === 0 ? ifUnknown : Math.ceil(ms / this.#intervalMs);
  }

  #isCalm(now: number): boolean {
    if (this.#refusedAt === undefined) return true;
    const calmMs = Math.max(CALM.ms, CALM.departures * this.#intervalMs);
    const emptyMs = Math.max(EMPTY.ms, EMPTY.shortQueues * this.#shortQueue * this.#intervalMs);
    const isEmpty = now - this.#emptySince > emptyMs || this.#emptyShare > EMPTY.share;
    return isEmpty || now - this.#refusedAt > calmMs;
  }
}

/** Without its stack, which says nothing and takes longer than all the rest of a refusal. */
function overloaded(message: string): ServingError {
  const { stackTraceLimit } = Error;
  Error.stackTraceLimit = 0;
  const error = new ServingError('OVERLOADED', message);
  Error.stackTraceLimit = stackTraceLimit;
  return error;
}
