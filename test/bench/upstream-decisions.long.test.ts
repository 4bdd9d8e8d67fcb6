// With its model behind a socket a control loop decides as with the model in process: every event, to the last bit.
import { readFileSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { type Decisions, decisionsOf, partingOf, turnsOf } from '../../bench/upstream/decided.mjs';
import { trafficOf } from '../../bench/upstream/decisions.mjs';
import { openThere, startThere } from '../../bench/upstream/here-and-there.mjs';
import { tryNative } from '../../src/runtime/local/native/load.ts';
import { writeTarget } from '../../src/tools/export/targets.ts';
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

it.skipIf((await tryNative()).kind === 'unavailable' && process.env.CI === undefined)(
  'a model whose layers skip zeros there, and which shows histograms: a threshold is found with it alone',
  async () => {
    const { file, here, sent } = await trafficOf('optical-digits-mlp', 2400);
    await here.close();
    const folder = await mkdtemp(join(tmpdir(), 'taustat-decisions-'));
    const sites = { scheme: 'activations' } as const;
    await writeTarget({ target: 'triton', model: file, folder, name: INSTRUMENTED, threshold: 0, sites });
    const sparse = await readFile(join(folder, INSTRUMENTED, '1', 'model.onnx'));
    await rm(folder, { recursive: true });
    const server = await Independent.start({ [PLAIN]: readFileSync(file), [INSTRUMENTED]: sparse });
    const there = await openThere(server.grpc);
    expect(there.model.measuring?.shows).toBe('histograms');
    const [base] = sent.traffic;
    const { log } = await decisionsOf({ ...there, ...sent, traffic: [{ ...base!, requests: 2400 }] });
    await there.close();
    await server.close();
    const states = log.map(({ production }) => production.state);
    expect(states.slice(states.indexOf('trial'))).toContain('tracking');
    expect(log.at(-1)!.production.threshold).toBeGreaterThan(0);
  },
);

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
