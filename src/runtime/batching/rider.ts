import { ServingError } from '../../config/errors.ts';
import type { Tensor } from '../../protocol/types.ts';
import type { Run, RunResult } from '../runtime.ts';
import { rowsOf } from './batch.ts';

export interface RiderOutcome {
  readonly resolve: (result: RunResult) => void;
  readonly reject: (error: unknown) => void;
}

/** A production run that waits for others to ride with, or for a worker. */
export class Rider {
  readonly run: Run;
  /** Rows along dimension 0; undefined: it goes alone. */
  readonly rows: number | undefined;
  readonly #enqueuedAt = performance.now();
  readonly #outcome: RiderOutcome;
  #startedAt = Number.NaN;
  #unlisten: () => void = () => undefined;

  constructor(run: Run, canRide: boolean, outcome: RiderOutcome) {
    this.run = run;
    this.rows = canRide ? rowsOf(run) : undefined;
    this.#outcome = outcome;
  }

  /**
   * Waits until its client goes, which ends it.
   *
   * @param leave - takes it out of the queue.
   * @returns false when the client is gone already.
   */
  wait(leave: (rider: Rider) => void): boolean {
    const { signal } = this.run;
    if (signal?.aborted) {
      this.#cancel();
      return false;
    }
    const gone = () => {
      leave(this);
      this.#cancel();
    };
    signal?.addEventListener('abort', gone, { once: true });
    this.#unlisten = () => signal?.removeEventListener('abort', gone);
    return true;
  }

  #cancel(): void {
    this.reject(new ServingError('UNAVAILABLE', 'the request was cancelled while it waited'));
  }

  /** From now on its client's going changes nothing. */
  start(): void {
    this.#unlisten();
    this.#startedAt = performance.now();
  }

  /** @param outputs - its own part of the outputs, when the run was shared. */
  settle(result: RunResult, outputs: readonly Tensor[] = result.outputs, riders = 1): void {
    const queueMs = this.#startedAt - this.#enqueuedAt + result.queueMs;
    this.#outcome.resolve({ outputs, queueMs, inferMs: result.inferMs, riders });
  }

  reject(error: unknown): void {
    this.#outcome.reject(error);
  }
}
