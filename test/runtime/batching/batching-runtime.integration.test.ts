import { afterEach, beforeEach, describe } from 'vitest';
import { rowMeetings } from '../../../src/onnx/row-independence.ts';
import { modelSignature } from '../../../src/onnx/signature.ts';
import { unbatchable } from '../../../src/runtime/batching/batch.ts';
import { BatchingRuntime } from '../../../src/runtime/batching/batching-runtime.ts';
import { runtimeContract } from '../../contracts/runtime-contract.ts';
import { openRuntime } from '../open-runtime.ts';
import { spyOnWorkers, type WorkerSpy } from '../worker-spy.ts';

describe.each([0, 5])('BatchingRuntime with a delay of %d ms as a Runtime', (maxDelayMs) => {
  let spy: WorkerSpy;
  beforeEach(() => {
    spy = spyOnWorkers();
  });
  afterEach(() => spy.restore());

  runtimeContract(async (model, { maxQueue, maxShadowQueue }) => {
    const inner = await openRuntime(model, { maxQueue: Number.POSITIVE_INFINITY, maxShadowQueue });
    const reason = unbatchable(modelSignature(model), rowMeetings(model));
    const runtime = new BatchingRuntime(inner, { maxBatch: 8, maxDelayMs, maxQueue, unbatchable: reason });
    return { runtime, started: () => spy.runs() };
  });
});
