import type { ModelProto } from 'onnx-buf';
import { instrument } from '../../src/onnx/instrument.ts';
import type { WorkerSetup } from '../../src/runtime/local/messages.ts';
import { WorkerRuntime, type WorkerRuntimeOptions } from '../../src/runtime/local/worker-runtime.ts';
import { bytesOf } from './small-models.ts';

/** What workers get for a model. */
export function setupOf(model: ModelProto): WorkerSetup {
  const { bytes, sites } = instrument(model);
  return {
    plain: bytesOf(model),
    taps: sites.map((site) => site.tap),
    intraOpThreads: 1,
    ...(sites.length === 0 ? {} : { gated: bytes }),
  };
}

/** Workers for a model that was made in memory; one unless told otherwise. */
export function openRuntime(
  model: ModelProto,
  options: Partial<WorkerRuntimeOptions> = {},
): Promise<WorkerRuntime> {
  return WorkerRuntime.start(setupOf(model), { workers: 1, maxQueue: 64, maxShadowQueue: 8, ...options });
}
