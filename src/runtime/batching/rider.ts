import type { Tensor } from '../../protocol/types.ts';
import { QueuedRun, type RunOutcome } from '../queued-run.ts';
import type { Run, RunResult } from '../runtime.ts';
import { rowsOf } from './batch.ts';

/** A production run that waits for others to ride with, or for a worker. */
export class Rider extends QueuedRun<RunResult> {
  /** Rows along dimension 0; undefined: it goes alone. */
  readonly rows: number | undefined;

  constructor(run: Run, canRide: boolean, outcome: RunOutcome<RunResult>) {
    super(run, outcome);
    this.rows = canRide ? rowsOf(run) : undefined;
  }

  /** @param outputs - its own part of the outputs, when the run was shared. */
  settle(result: RunResult, outputs: readonly Tensor[] = result.outputs, riders = 1): void {
    const { inferMs, denseInstead, macsSkipped } = result;
    this.resolve({
      outputs,
      queueMs: this.waitedMs + result.queueMs,
      inferMs,
      denseInstead,
      macsSkipped,
      riders,
    });
  }
}
