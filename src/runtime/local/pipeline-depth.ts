/** One run under way and the next in the worker's mailbox. */
export const PIPELINE = 2;
/** A mailbox holds no more than so many runs, and no more than so many milliseconds of them. */
const DEEPEST = { runs: 128, ms: 8 } as const;
/** Share of a run's own time that its worker may have idled away while the run waited. */
const TOLERATED_IDLE = 0.25;
/** What a run that found its worker busy takes off the depth. */
const DECAY = 1 / 64;

/** What is known of a run when it is over, in milliseconds. */
export interface RunTiming {
  /** How long the worker had nothing to do before the run. */
  readonly idleMs: number;
  /** How long the run had waited for a place in a mailbox. */
  readonly waitedMs: number;
  readonly inferMs: number;
}

/**
 * How many runs a worker is given at once.
 *
 * A worker that has done what is in its mailbox gets more when the event loop comes round. A loop that is busy refusing
 * requests takes long to come round, so a mailbox that is too small leaves the worker idle while runs wait: the server
 * then answers least when most is asked of it. The depth doubles when that happens, and falls slowly when it does not,
 * since a run in a mailbox can no longer be cancelled or overtaken.
 */
export class PipelineDepth {
  #depth: number = PIPELINE;
  readonly #limit: number;

  /** @param limit - runs per worker that may never be exceeded; by default only what a mailbox holds. */
  constructor(limit: number = DEEPEST.runs) {
    this.#limit = Math.max(PIPELINE, Math.min(limit, DEEPEST.runs));
  }

  get runs(): number {
    return Math.floor(this.#depth);
  }

  ran({ idleMs, waitedMs, inferMs }: RunTiming): void {
    const isDry = Math.min(idleMs, waitedMs) > TOLERATED_IDLE * inferMs;
    const deepest = Math.max(PIPELINE, Math.min(this.#limit, Math.floor(DEEPEST.ms / inferMs)));
    const next = isDry ? 2 * this.#depth : this.#depth - DECAY;
    this.#depth = Math.min(deepest, Math.max(PIPELINE, next));
  }
}
