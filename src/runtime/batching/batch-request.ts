import type { Tensor } from '../../protocol/types.ts';
import { QueuedRun, type RunOutcome } from '../queued-run.ts';
import type { Run, RunResult, SharedRun } from '../runtime.ts';
import { rowsOf } from './batch.ts';

/** A production run that waits for others to share a run with, or for a worker. */
export class BatchRequest extends QueuedRun<RunResult> {
  /** Rows along dimension 0; undefined if it must run alone. */
  readonly rows: number | undefined;

  constructor(run: Run, canShare: boolean, outcome: RunOutcome<RunResult>) {
    super(run, outcome);
    this.rows = canShare ? rowsOf(run) : undefined;
  }

  /** @param outputs - its own rows of the outputs, if the run was shared. */
  settle(
    result: RunResult,
    outputs: readonly Tensor[] = result.outputs,
    requests = 1,
    shared?: SharedRun,
  ): void {
    const { inferMs, denseInstead, macsSkipped } = result;
    this.resolve({
      outputs,
      queueMs: this.waitedMs + result.queueMs,
      inferMs,
      denseInstead,
      macsSkipped,
      requests,
      shared,
    });
  }
}
