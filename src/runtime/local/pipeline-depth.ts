/** One run under way and the next in the worker's mailbox. */
export const MIN_DEPTH = 2;
/** Bounds of a mailbox: most runs, and most milliseconds of runs. */
const MAILBOX_LIMIT = { runs: 128, ms: 8 } as const;
/** Idle time of a worker before a waiting run, as a share of the run's time, from which on the depth grows. */
const TOLERATED_IDLE = 0.25;
/** Decrease of the depth per run that found its worker busy. */
const DECAY = 1 / 64;

/** Times of a finished run, in milliseconds. */
export interface RunTiming {
  /** Idle time of the worker before the run. */
  readonly idleMs: number;
  /** Time that the run waited for a place in a mailbox. */
  readonly waitedMs: number;
  readonly inferMs: number;
}

/**
 * Number of runs that a worker is given at once.
 *
 * A worker with an empty mailbox gets more runs in the event loop's next turn. Under overload turns are long, so with a
 * small mailbox the worker idles while runs wait. The depth doubles when that happens, and falls slowly otherwise: a run in
 * a mailbox can no longer be cancelled or overtaken.
 */
export class PipelineDepth {
  #depth: number = MIN_DEPTH;
  readonly #limit: number;

  /** @param limit - most runs per worker; by default only the mailbox is bounded. */
  constructor(limit: number = MAILBOX_LIMIT.runs) {
    this.#limit = Math.max(MIN_DEPTH, Math.min(limit, MAILBOX_LIMIT.runs));
  }

  get runs(): number {
    return Math.floor(this.#depth);
  }

  ran({ idleMs, waitedMs, inferMs }: RunTiming): void {
    const isDry = Math.min(idleMs, waitedMs) > TOLERATED_IDLE * inferMs;
    const deepest = Math.max(MIN_DEPTH, Math.min(this.#limit, Math.floor(MAILBOX_LIMIT.ms / inferMs)));
    const next = isDry ? 2 * this.#depth : this.#depth - DECAY;
    this.#depth = Math.min(deepest, Math.max(MIN_DEPTH, next));
  }
}
