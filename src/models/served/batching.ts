import type { Logger } from 'pino';
import type { Config } from '../../config/schema.ts';
import { unbatchable } from '../../runtime/batching/batch.ts';
import { BatchingRuntime } from '../../runtime/batching/batching-runtime.ts';
import type { LoadedModel } from '../../runtime/local/load-model.ts';
import type { Runtime } from '../../runtime/runtime.ts';
import type { Metrics, OfModel } from '../../telemetry/metrics.ts';

export interface Batching {
  /** Bounds of the workers' own queue. With batching, requests wait in front of it and are bounded there. */
  readonly limits: { readonly maxQueue: number | undefined; readonly maxQueueMs?: number };
  readonly wrap: (runtime: Runtime) => Runtime;
}

/** Dynamic batching of one model as configured. If it is off or impossible, `wrap` returns the runtime unchanged. */
export function batchingFor(
  { signature, rowMeetings }: LoadedModel,
  of: OfModel,
  { batching, runtime }: Config,
  metrics: Metrics,
  log: Logger,
): Batching {
  const { model } = of;
  const { maxQueue, maxQueueMs } = runtime;
  const limits = { maxQueue, maxQueueMs };
  if (batching.maxBatch === 1) return { limits, wrap: (runtime) => runtime };
  const reason = unbatchable(signature, rowMeetings);
  if (reason !== undefined) {
    log.warn({ model, reason }, 'requests are never batched');
    return { limits, wrap: (runtime) => runtime };
  }
  metrics.batchRequests.zero(of);
  const wrap = (runtime: Runtime) =>
    new BatchingRuntime(runtime, {
      ...batching,
      ...limits,
      onBatch: (requests) => metrics.batchRequests.observe(of, requests),
      onDecision: (trial) => {
        if (trial.kind === 'refuted') log.warn({ model, reason: trial.reason }, 'requests are never batched');
        else log.info({ model, ...batching }, 'requests are batched: their answers are those of solo runs');
      },
    });
  return { limits: { maxQueue: Number.POSITIVE_INFINITY }, wrap };
}
