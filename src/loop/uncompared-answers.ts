import type { ControlOptions } from '../control/phases/state.ts';

/** Requests in a row that were answered pruned, or would have been, none of them compared. */
export class UncomparedAnswers {
  readonly #limit: Pick<ControlOptions, 'unverifiedRequests' | 'unverifiedMs'>;
  #requests = 0;
  #sinceMs = 0;

  constructor(limit: Pick<ControlOptions, 'unverifiedRequests' | 'unverifiedMs'>) {
    this.#limit = limit;
  }

  /** An answer was compared, or there is another threshold to be judged. */
  end(): void {
    this.#requests = 0;
  }

  /**
   * One more request; O(1).
   *
   * @param nowMs - of a clock that nobody sets.
   * @returns how long it has lasted when that is too long, and once for every time it is again.
   */
  add(nowMs: number): { readonly requests: number; readonly ms: number } | null {
    if (this.#requests++ === 0) this.#sinceMs = nowMs;
    const requests = this.#requests;
    const ms = nowMs - this.#sinceMs;
    if (requests < this.#limit.unverifiedRequests || ms < this.#limit.unverifiedMs) return null;
    this.#requests = 0;
    return { requests, ms };
  }
}
