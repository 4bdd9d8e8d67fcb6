import type { Logger } from 'pino';
import type { Config } from '../config.ts';
import { unbatchable } from '../runtime/batch.ts';
import { BatchingRuntime } from '../runtime/batching-runtime.ts';
import type { LoadedModel } from '../runtime/load-model.ts';
import type { Runtime } from '../runtime/runtime.ts';
import type { Metrics } from '../telemetry/metrics.ts';

export interface Batching {
  /** Runs that the workers' own queue may hold: what batches waits in front of it, and is bounded there. */
  readonly maxQueue: number;
  readonly around: (runtime: Runtime) => Runtime;
}

/** Dynamic batching as configured, for one model; where it is off or cannot be, the runtime stays as it is. */
export function batchingFor(
  { signature }: LoadedModel,
  model: string,
  { batching, runtime: { maxQueue } }: Config,
  metrics: Metrics,
  log: Logger,
): Batching {
  if (batching.maxBatch === 1) return { maxQueue, around: (runtime) => runtime };
  const reason = unbatchable(signature);
  if (reason !== undefined) {
    log.warn({ model, reason }, 'requests are never batched');
    return { maxQueue, around: (runtime) => runtime };
  }
  const around = (runtime: Runtime) =>
    new BatchingRuntime(runtime, {
      ...batching,
      maxQueue,
      onBatch: (riders) => metrics.batchRequests.observe({ model }, riders),
      onDecision: (trust) => {
        if (trust.kind === 'refuted') log.warn({ model, reason: trust.reason }, 'requests are never batched');
        else log.info({ model, ...batching }, 'requests are batched: their answers are those of solo runs');
      },
    });
  return { maxQueue: Number.POSITIVE_INFINITY, around };
}
