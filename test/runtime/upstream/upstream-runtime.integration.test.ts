import { afterEach, beforeEach, describe } from 'vitest';
import { connectUpstream } from '../../../src/runtime/upstream/connect.ts';
import { readUpstreamModel } from '../../../src/runtime/upstream/upstream-model.ts';
import { UpstreamRuntime } from '../../../src/runtime/upstream/upstream-runtime.ts';
import { runtimeContract } from '../../contracts/runtime-contract.ts';
import { bytesOf } from '../small-models.ts';
import { spyOnWorkers, type WorkerSpy } from '../worker-spy.ts';
import { INSTRUMENTED, openPair, PLAIN } from './upstream-lab.ts';

describe.each(['http', 'grpc'] as const)('UpstreamRuntime over %s as a Runtime', (protocol) => {
  let spy: WorkerSpy;
  const ends: (() => Promise<void>)[] = [];
  beforeEach(() => {
    spy = spyOnWorkers();
  });
  afterEach(async () => {
    await Promise.all(ends.splice(0).map((end) => end()));
    spy.restore();
  });

  runtimeContract(async (model, limits) => {
    const lab = await openPair(bytesOf(model));
    const client = await connectUpstream(lab[protocol], {});
    const names = { name: PLAIN, instrumented: INSTRUMENTED };
    const described = await readUpstreamModel(client, names, AbortSignal.timeout(60_000));
    const runtime = new UpstreamRuntime(client, described, {
      ...limits,
      maxConcurrent: 1,
      maxShadows: 1,
      maxRunMs: 60_000,
      forwardHeaders: [],
    });
    ends.push(async () => {
      await runtime.close();
      await client.close();
      await lab.close();
    });
    return { runtime, started: () => spy.runs() };
  });
});
