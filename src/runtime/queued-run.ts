import { ServingError } from '../config/errors.ts';
import type { Run } from './runtime.ts';

export interface RunOutcome<R> {
  readonly resolve: (result: R) => void;
  readonly reject: (error: unknown) => void;
}

/** A run between its arrival and its end. It waits in a queue until it starts, or until its client leaves, which cancels it. */
export abstract class QueuedRun<R> {
  readonly run: Run;
  readonly #outcome: RunOutcome<R>;
  readonly #arrivedAt = performance.now();
  #startedAt = Number.NaN;
  #departure: ClientDeparture | undefined;

  constructor(run: Run, outcome: RunOutcome<R>) {
    this.run = run;
    this.#outcome = outcome;
  }

  /**
   * Starts to wait in a queue.
   *
   * @param leave - removes it from the queue when its client leaves.
   * @returns false if its client has left already.
   */
  wait(leave: () => void): boolean {
    const { signal } = this.run;
    if (signal?.aborted) {
      this.cancel();
      return false;
    }
    if (signal !== undefined) {
      this.#departure = new ClientDeparture(signal, () => {
        leave();
        this.cancel();
      });
    }
    return true;
  }

  /** Ends the wait: a client that leaves later changes nothing. */
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
 * Waits for a client to leave. Its listener is removed afterwards, since a signal may live much longer than the run.
 *
 * The callback is cleared, too: a removed listener lives until the next full garbage collection, and with the run and its
 * inputs in it every young collection took a third longer.
 */
class ClientDeparture {
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
