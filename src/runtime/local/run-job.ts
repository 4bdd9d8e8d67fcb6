import type { Measure } from '../measure.ts';
import { QueuedRun, type RunOutcome } from '../queued-run.ts';
import type { Run, ShadowResult } from '../runtime.ts';
import type { RunDone } from './messages.ts';

/** A run on its way to a worker. */
export class RunJob extends QueuedRun<ShadowResult> {
  readonly measure: Measure;
  readonly isShadow: boolean;
  /** See `ShadowRun`. */
  readonly goesFirst: boolean;

  constructor(
    run: Run & { readonly goesFirst?: boolean },
    measure: Measure,
    isShadow: boolean,
    outcome: RunOutcome<ShadowResult>,
  ) {
    super(run, outcome);
    this.measure = measure;
    this.isShadow = isShadow;
    this.goesFirst = run.goesFirst === true;
  }

  /** @param workerMs - worker time that it took. */
  settle(done: RunDone, workerMs: number): void {
    const { outputs, histograms, retained, inferMs, measureMs, denseInstead, macsSkipped } = done;
    const times = { queueMs: this.waitedMs, inferMs, measureMs, workerMs };
    this.resolve({ outputs, histograms, retained, ...times, denseInstead, macsSkipped });
  }
}
