// With its model behind a socket a control loop decides as with the model in process: every event, to the last bit.
import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { type Decisions, decisionsOf, partingOf, turnsOf } from '../../bench/upstream/decided.mjs';
import { trafficOf } from '../../bench/upstream/decisions.mjs';
import { openThere, startThere } from '../../bench/upstream/here-and-there.mjs';
import { upstreamExport } from '../../src/tools/export/upstream-export.ts';
import { INSTRUMENTED, PLAIN } from '../runtime/upstream/upstream-lab.ts';
import { Independent } from '../upstream/independent.ts';

interface Server {
  readonly http: string;
  readonly grpc: string;
  readonly close: () => Promise<void>;
}

/** The server of the tests, which shares no code with taustat. */
function startIndependent(file: string): Promise<Server> {
  const plain = readFileSync(file);
  const { bytes } = upstreamExport(plain, { scheme: 'activations' });
  return Independent.start({ [PLAIN]: plain, [INSTRUMENTED]: bytes });
}

/** What came to pass, in words that a reader of a failure understands. */
const storyOf = ({ log }: Decisions) =>
  turnsOf(log).map(({ request, production }) => `${request}: ${production.state}, ${production.detail}`);

it.each([
  ['optical-digits-mlp', 'another taustat', 'http', startThere, 2600],
  ['optical-digits-cnn', 'another taustat', 'grpc', startThere, 2600],
  ['spam-assassin-lstm', 'an independent server', 'http', startIndependent, 1000],
] as const)('%s in %s, over %s', async (name, _, protocol, start, requests) => {
  const { file, here, sent } = await trafficOf(name, requests);
  const own = await decisionsOf({ ...here, ...sent });
  await here.close();
  const server: Server = await start(file);
  const there = await openThere(server[protocol]);
  const far = await decisionsOf({ ...there, ...sent });
  await there.close();
  await server.close();
  expect(storyOf(far)).toEqual(storyOf(own));
  expect(partingOf(own.log, far.log)).toBeUndefined();
  // Not of nothing: a search went on, and where there was time for it production was pruned, and went dense at a drift.
  const states = new Set(own.log.map(({ production }) => production.state));
  expect(own.log.some(({ event }) => event.kind === 'tested')).toBe(true);
  if (requests > 2000) expect(Array.from(states)).toEqual(expect.arrayContaining(['tracking', 'drifted']));
});

it('one activation function that is pruned a little further is told apart', async () => {
  const { here, sent } = await trafficOf('optical-digits-mlp', 600);
  const own = await decisionsOf({ ...here, ...sent });
  const further = {
    run: here.runtime.run.bind(here.runtime),
    shadow: (run: Parameters<typeof here.runtime.shadow>[0]) =>
      here.runtime.shadow({
        ...run,
        thresholds: run.thresholds?.map((tau, site) => (site === 0 ? 1.01 * tau : tau)),
      }),
  };
  const other = await decisionsOf({ ...here, runtime: further, ...sent });
  await here.close();
  expect(partingOf(own.log, other.log)).toBeDefined();
});
