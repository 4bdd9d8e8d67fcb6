import { type AddressInfo, connect, createServer, type Server as NetServer, type Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { readNpy } from '../../src/tools/inputs/npy.ts';
import { SMALL_GATED_ENV, SMALL_NAME, smallCnn } from '../small-cnn.ts';
import { HAS_REDIS, RedisServer } from '../store/shared/redis-server.ts';
import { type Running, start, taustat } from './command.ts';

const LONG = { timeout: 60_000, interval: 50 };
/** Small figures, so that a threshold is found after some hundred requests. */
const SETTINGS = {
  ...SMALL_GATED_ENV,
  TAUSTAT_SAMPLING_BUDGET: '1',
  TAUSTAT_SAMPLING_RATIO: '1',
  TAUSTAT_SAMPLING_SEARCH_BUDGET: '1',
  TAUSTAT_AGREEMENT_FLOOR: '0.8',
  TAUSTAT_CONTROL_RAMP_SAMPLES: '2',
  TAUSTAT_STORE_LEASE_SECONDS: '1',
  TAUSTAT_STORE_DENSE_AFTER_SECONDS: '2',
  TAUSTAT_RUNTIME_WORKERS: '1',
};

/** A way to Redis that can be cut: bytes stop on their way, and nobody is told. */
class Cable {
  readonly #server: NetServer;
  readonly #sockets = new Set<Socket>();
  #isCut = false;

  private constructor(server: NetServer) {
    this.#server = server;
  }

  static async to(port: number): Promise<Cable> {
    const server = createServer();
    const cable = new Cable(server);
    server.on('connection', (near) => {
      const far = connect(port, '127.0.0.1');
      for (const [from, to] of [
        [near, far],
        [far, near],
      ] as const) {
        cable.#sockets.add(from);
        from.on('data', (bytes) => {
          if (!cable.#isCut) to.write(bytes);
        });
        from.on('error', () => undefined);
        from.on('close', () => to.destroy());
      }
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return cable;
  }

  get url(): string {
    return `redis://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  cut(): void {
    this.#isCut = true;
  }

  /** What was lost on the way breaks the connections, as packets that come again would. */
  mend(): void {
    this.#isCut = false;
    for (const socket of this.#sockets) socket.destroy();
    this.#sockets.clear();
  }

  async close(): Promise<void> {
    this.mend();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}

interface Server {
  readonly running: Running;
  readonly url: string;
}

let redis: RedisServer;
let servers: Server[] = [];

beforeEach(async () => {
  if (HAS_REDIS) redis = await RedisServer.start('--appendonly', 'yes', '--appendfsync', 'always');
});
afterEach(async () => {
  for (const { running } of servers) running.child.kill('SIGKILL');
  await Promise.all(servers.map(({ running }) => running.outcome));
  servers = [];
  await redis?.stop();
});

async function serve(
  env: Record<string, string> = {},
  store: readonly string[] = ['--store', redis.url],
): Promise<Server> {
  const running = start('dist/cli.js', ['serve', '--port', '0', ...store], {
    ...SETTINGS,
    ...env,
  });
  const server = { running, url: await running.saying(/"url":"([^"]+)"/) };
  servers.push(server);
  return server;
}

const path = ({ url }: Server) => `${url}/v2/models/${SMALL_NAME}`;

interface Report {
  readonly mode: string;
  readonly state: string;
  readonly production: { readonly threshold: number; readonly share: number };
  readonly taken?: { readonly taken: number; readonly of: number | null; readonly problem?: string };
  readonly change: { readonly detail: string };
  readonly replicas: {
    readonly id: string;
    readonly role: string;
    readonly withheld: string | null;
    readonly problem: string | null;
    readonly members: readonly { readonly id: string; readonly apart: string | null }[];
  };
}

async function report(server: Server, init?: RequestInit): Promise<Report> {
  const response = await fetch(`${path(server)}/pruning`, init);
  expect(response.status).toBe(200);
  return (await response.json()) as Report;
}

const put = (server: Server, body: object) => report(server, { method: 'PUT', body: JSON.stringify(body) });

const images = async () => {
  const { elements } = await readNpy(smallCnn('inputs.npy'));
  return elements as Float32Array;
};

/** Answers stay right: every one is 200. */
async function send(data: Float32Array, from: number, count: number): Promise<void> {
  for (let i = from; i < from + count; i++) {
    const at = (784 * i) % data.length;
    const inputs = [
      { name: 'image', datatype: 'FP32', shape: [1, 1, 28, 28], data: [...data.subarray(at, at + 784)] },
    ];
    const server = servers[i % servers.length]!;
    const response = await fetch(`${path(server)}/infer`, {
      method: 'POST',
      body: JSON.stringify({ inputs }),
    });
    expect(response.status).toBe(200);
    await response.arrayBuffer();
  }
}

const roles = () => Promise.all(servers.map(async (server) => (await report(server)).replicas.role));

describe.skipIf(!HAS_REDIS)('servers that share a store in Redis', () => {
  it('learn one threshold, go on without the one that decides, and obey a kill switch over all faults', async () => {
    for (let i = 0; i < 4; i++) await serve();
    await vi.waitFor(
      async () => expect((await roles()).sort()).toEqual(['decides', 'follows', 'follows', 'follows']),
      LONG,
    );
    const data = await images();
    let sent = 0;
    const isServed = async () => {
      await send(data, sent, 40);
      sent += 40;
      const reports = await Promise.all(servers.map((server) => report(server)));
      return reports.every(({ production }) => production.threshold > 0 && production.share === 1);
    };
    let served = false;
    for (let i = 0; i < 200 && !served; i++) served = await isServed();
    expect(served).toBe(true);

    // Who decides is killed.
    const at = (await roles()).indexOf('decides');
    const [old] = servers.splice(at, 1);
    old!.running.child.kill('SIGKILL');
    await vi.waitFor(
      async () => expect((await roles()).sort()).toEqual(['decides', 'follows', 'follows']),
      LONG,
    );
    const thresholds = await Promise.all(
      servers.map(async (server) => (await report(server)).production.threshold),
    );
    expect(thresholds.every((threshold) => threshold > 0)).toBe(true);

    // Redis hangs: all are dense after a while, answer on, and say why; then they come back.
    redis.pause();
    const dense = async () => {
      await send(data, sent++, 3);
      for (const server of servers) {
        const { production, change, replicas } = await report(server);
        expect(production.threshold).toBe(0);
        expect(change.detail).toMatch('this replica is dense');
        expect(replicas.problem).toMatch('has not answered');
      }
    };
    await vi.waitFor(dense, LONG);
    const ready = await fetch(`${servers[0]!.url}/v2/health/ready`);
    expect([ready.status, await ready.json()]).toEqual([
      200,
      {
        ready: true,
        problems: [expect.stringMatching('the shared store is out of reach: .* has not answered')],
      },
    ]);
    const metrics = await (await fetch(`${servers[0]!.url}/metrics`)).text();
    expect(metrics).toMatch(`taustat_shared_store_up{model="${SMALL_NAME}",version="1"} 0`);
    redis.resume();
    const back = async () => {
      const now = await Promise.all(
        servers.map(async (server) => (await report(server)).production.threshold),
      );
      expect(now.every((threshold) => threshold > 0)).toBe(true);
    };
    await vi.waitFor(back, LONG);

    // The kill switch: all of them, and those that come later, with another model file too.
    const off = await put(servers[1]!, { mode: 'off' });
    expect(off.taken).toEqual({ taken: 3, of: 3, missing: [] });
    expect(await Promise.all(servers.map(async (server) => (await report(server)).mode))).toEqual([
      'off',
      'off',
      'off',
    ]);
    const late = await serve();
    await vi.waitFor(async () => expect((await report(late)).mode).toBe('off'), LONG);

    // It outlives Redis and the servers.
    await redis.kill();
    const alone = await put(servers[0]!, { mode: 'observe' });
    expect(alone.mode).toBe('observe');
    expect(alone.taken).toMatchObject({ taken: 1, of: null });
    expect(alone.taken!.problem).toMatch(`redis://127.0.0.1:${redis.port}`);
    await redis.begin();
    await vi.waitFor(async () => {
      const modes = await Promise.all(servers.map(async (server) => (await report(server)).mode));
      expect(modes).toEqual(Array(4).fill('observe'));
    }, LONG);
  }, 240_000);

  it('name those of other settings, which learn apart, and serve without Redis from the start', async () => {
    const first = await serve();
    await serve({ TAUSTAT_AGREEMENT_FLOOR: '0.9' });
    await vi.waitFor(async () => {
      const { members } = (await report(first)).replicas;
      expect(members.map(({ apart }) => apart).filter((apart) => apart !== null)).toEqual([
        'other settings (agreement.floor 0.9, here 0.8)',
      ]);
    }, LONG);
    await first.running.saying(/learns apart from this replica: other settings/);
    await redis.kill();
    const third = await serve();
    await send(await images(), 2, 1);
    const { replicas, production } = await report(third);
    expect(production.threshold).toBe(0);
    expect(replicas.withheld).toBe('unshared');
    expect(replicas.problem).toMatch('ECONNREFUSED');
    const ended = third.running.outcome;
    third.running.child.kill('SIGTERM');
    expect((await ended).code).toBe(0);
  }, 120_000);

  it('leave one behind that a network cuts off; it is dense after a while, and hears of the kill switch when it is back', async () => {
    const cable = await Cable.to(redis.port);
    try {
      const first = await serve();
      await vi.waitFor(async () => expect((await report(first)).replicas.role).toBe('decides'), LONG);
      const second = await serve({ TAUSTAT_STORE_URL: cable.url }, []);
      await vi.waitFor(async () => expect((await report(second)).replicas.role).toBe('follows'), LONG);
      cable.cut();
      await vi.waitFor(async () => expect((await report(second)).replicas.withheld).toBe('unshared'), LONG);
      expect((await report(first)).replicas).toMatchObject({
        role: 'decides',
        problem: null,
        withheld: null,
      });
      expect((await put(first, { mode: 'off' })).mode).toBe('off');
      expect((await report(second)).mode).toBe('auto');
      cable.mend();
      await vi.waitFor(async () => {
        const { mode, replicas } = await report(second);
        expect([mode, replicas.withheld, replicas.problem]).toEqual(['off', null, null]);
      }, LONG);
    } finally {
      await cable.close();
    }
  }, 120_000);

  it('go on without one that stands still, which then follows', async () => {
    for (let i = 0; i < 2; i++) await serve();
    await vi.waitFor(async () => expect((await roles()).sort()).toEqual(['decides', 'follows']), LONG);
    const at = (await roles()).indexOf('decides');
    const [still, other] = [servers[at]!, servers[1 - at]!];
    still.running.child.kill('SIGSTOP');
    await vi.waitFor(async () => expect((await report(other)).replicas.role).toBe('decides'), LONG);
    still.running.child.kill('SIGCONT');
    await vi.waitFor(async () => expect((await report(still)).replicas.role).toBe('follows'), LONG);
    expect((await report(other)).replicas.role).toBe('decides');
  }, 120_000);

  it('are dense where the store takes no writes, say so, and go on when it does', async () => {
    await redis.command('REPLICAOF', '127.0.0.1', '1');
    const first = await serve();
    await vi.waitFor(async () => {
      const { replicas } = await report(first);
      expect(replicas.problem).toMatch(/is a replica, and takes no writes: give the address of its primary/);
      expect(replicas.withheld).toBe('unshared');
    }, LONG);
    await send(await images(), 2, 1);
    expect((await put(first, { mode: 'off' })).taken).toMatchObject({
      taken: 1,
      of: null,
      problem: expect.stringMatching(/takes no writes/),
    });
    expect((await report(first)).mode).toBe('off');
    await redis.command('REPLICAOF', 'NO', 'ONE');
    await vi.waitFor(async () => {
      const { replicas } = await report(first);
      expect([replicas.problem, replicas.role]).toEqual([null, 'decides']);
    }, LONG);
  }, 120_000);

  it('is refused where the address is none, without telling the password', async () => {
    const { code, stderr } = await taustat('serve', '--store', 'http://user:secret@host');
    expect(code).toBe(2);
    expect(stderr).toMatch('store.url: expected redis://host:port');
    expect(stderr).not.toMatch('secret');
  });
});
