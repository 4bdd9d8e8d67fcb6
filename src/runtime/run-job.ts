import type { Measure } from './measure.ts';
import { QueuedRun, type RunOutcome } from './queued-run.ts';
import type { Run, ShadowResult } from './runtime.ts';

/** What a run gave, without what its job knows. */
export type Ran = Omit<ShadowResult, 'queueMs' | 'workerMs'>;

/** A run on its way to who runs it. */
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
  settle(ran: Ran, workerMs: number): void {
    const { outputs, histograms, retained, inferMs, measureMs, denseInstead, macsSkipped } = ran;
    const times = { queueMs: this.waitedMs, inferMs, measureMs, workerMs };
    this.resolve({ outputs, histograms, retained, ...times, denseInstead, macsSkipped });
  }
}
