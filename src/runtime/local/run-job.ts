import { ServingError } from '../../config/errors.ts';
import type { Measure } from '../measure.ts';
import type { Run, ShadowResult } from '../runtime.ts';
import type { Job } from './job-queue.ts';
import type { RunDone } from './messages.ts';

export interface RunOutcome {
  readonly resolve: (result: ShadowResult) => void;
  readonly reject: (error: ServingError) => void;
}

/** A run on its way to a worker. A class for its accessor: see ClientRun. */
export class RunJob implements Job {
  readonly run: Run;
  readonly measure: Measure;
  readonly isShadow: boolean;
  readonly #enqueuedAt = performance.now();
  readonly #outcome: RunOutcome;
  readonly #onAborted: () => void;

  constructor(run: Run, measure: Measure, isShadow: boolean, outcome: RunOutcome, onAborted: () => void) {
    this.run = run;
    this.measure = measure;
    this.isShadow = isShadow;
    this.#outcome = outcome;
    this.#onAborted = onAborted;
  }

  get signal(): AbortSignal | undefined {
    return this.run.signal;
  }

  abort(): void {
    this.fail(new ServingError('UNAVAILABLE', 'the request was cancelled while it waited'));
    this.#onAborted();
  }

  fail(error: ServingError): void {
    this.#outcome.reject(error);
  }

  /** How long it waited for a worker, in milliseconds. */
  waitedMs(startedAt: number): number {
    return startedAt - this.#enqueuedAt;
  }

  /** @param startedAt - when a worker took the run, as `performance.now()` tells it. */
  settle({ outputs, histograms, retained, inferMs, measureMs }: RunDone, startedAt: number): void {
    const queueMs = this.waitedMs(startedAt);
    this.#outcome.resolve({ outputs, histograms, retained, queueMs, inferMs, measureMs });
  }
}
