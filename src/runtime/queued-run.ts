import { ServingError } from '../config/errors.ts';
import type { Run } from './runtime.ts';

export interface RunOutcome<R> {
  readonly resolve: (result: R) => void;
  readonly reject: (error: unknown) => void;
}

/** A run between its arrival and its end. It waits in a queue until it starts, or until its client goes, which ends it. */
export abstract class QueuedRun<R> {
  readonly run: Run;
  readonly #outcome: RunOutcome<R>;
  readonly #arrivedAt = performance.now();
  #startedAt = Number.NaN;
  #departure: Departure | undefined;

  constructor(run: Run, outcome: RunOutcome<R>) {
    this.run = run;
    this.#outcome = outcome;
  }

  /**
   * Begins to wait.
   *
   * @param leave - takes it out of its queue when its client goes.
   * @returns false when its client is gone already.
   */
  wait(leave: () => void): boolean {
    const { signal } = this.run;
    if (signal?.aborted) {
      this.cancel();
      return false;
    }
    if (signal !== undefined) {
      this.#departure = new Departure(signal, () => {
        leave();
        this.cancel();
      });
    }
    return true;
  }

  /** Ends the wait: from now on its client's going changes nothing. */
  start(): void {
    this.#departure?.ignore();
    this.#startedAt = performance.now();
  }

  /** Time from its arrival to its start, in milliseconds. */
  get waitedMs(): number {
    return this.#startedAt - this.#arrivedAt;
  }

  reject(error: unknown): void {
    this.#departure?.ignore();
    this.#outcome.reject(error);
  }

  cancel(): void {
    this.reject(new ServingError('UNAVAILABLE', 'the request was cancelled while it waited'));
  }

  protected resolve(result: R): void {
    this.#outcome.resolve(result);
  }
}

/**
 * Waits for a client to go. A signal may outlive the run by far, so nothing stays on it.
 *
 * It lets go of what it would have done, since a listener that was removed still lives until the next full garbage
 * collection: with the run and its inputs, that made every collection of young objects a third longer.
 */
class Departure {
  readonly #signal: AbortSignal;
  #onGone: (() => void) | undefined;

  constructor(signal: AbortSignal, onGone: () => void) {
    this.#signal = signal;
    this.#onGone = onGone;
    signal.addEventListener('abort', this, { once: true });
  }

  handleEvent(): void {
    this.#onGone?.();
  }

  ignore(): void {
    this.#onGone = undefined;
    this.#signal.removeEventListener('abort', this);
  }
}
