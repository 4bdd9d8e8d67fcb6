import { afterEach, beforeEach, describe } from 'vitest';
import { runtimeContract } from '../../contracts/runtime-contract.ts';
import { openRuntime } from '../open-runtime.ts';
import { spyOnWorkers, type WorkerSpy } from '../worker-spy.ts';

describe('WorkerRuntime as a Runtime', () => {
  let spy: WorkerSpy;
  beforeEach(() => {
    spy = spyOnWorkers();
  });
  afterEach(() => spy.restore());

  runtimeContract(async (model, limits) => ({
    runtime: await openRuntime(model, limits),
    started: () => spy.runs(),
  }));
});
