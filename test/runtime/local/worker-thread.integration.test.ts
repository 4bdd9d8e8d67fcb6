import { expect, it } from 'vitest';
import { WorkerThread } from '../../../src/runtime/local/worker-thread.ts';
import { setupOf } from '../open-runtime.ts';
import { slow, trips } from '../small-models.ts';

const RUN = { kind: 'run', outputs: ['y'], measure: 'nothing', isShadow: false } as const;

it('tells of the runs that have ended while the event loop is busy', async () => {
  const thread = new WorkerThread(setupOf(slow()), () => undefined);
  await thread.ready;
  const runs = [1, 2].map((id) => thread.run({ ...RUN, id, inputs: [trips(10)] }, []));
  expect(thread.load).toBe(2);
  const patience = performance.now() + 20_000;
  while (thread.load > 0 && performance.now() < patience) thread.settleEnded();
  expect(thread.load).toBe(0);
  expect((await Promise.all(runs)).map(({ id }) => id)).toEqual([1, 2]);
  await thread.stop();
});
