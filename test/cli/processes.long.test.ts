import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { Agent, request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { readNpy } from '../../src/tools/inputs/npy.ts';
import { GrpcClient } from '../contracts/inference/grpc-client.ts';
import { SMALL_GATED_ENV, SMALL_NAME, smallCnn } from '../small-cnn.ts';
import { type Running, start } from './command.ts';

const LONG = { timeout: 60_000, interval: 50 };
/** Small figures, so that a threshold is found after some hundred requests. */
const SETTINGS = {
  TAUSTAT_SAMPLING_BUDGET: '1',
  TAUSTAT_SAMPLING_RATIO: '1',
  TAUSTAT_SAMPLING_SEARCH_BUDGET: '1',
  TAUSTAT_AGREEMENT_FLOOR: '0.8',
  TAUSTAT_CONTROL_RAMP_SAMPLES: '2',
  TAUSTAT_RUNTIME_WORKERS: '1',
};

let running: Running | undefined;
afterEach(async () => {
  running?.child.kill('SIGKILL');
  await running?.outcome;
  running = undefined;
});

/** A server of two processes. @returns its address. */
async function serve(
  args: readonly string[] = [],
  env: Record<string, string> = SMALL_GATED_ENV,
): Promise<string> {
  running = start('dist/cli.js', ['serve', '--port', '0', '--processes', '2', ...args], {
    ...SETTINGS,
    ...env,
  });
  await running.saying(/"processes":2,"msg":"serving"/);
  return running.saying(/"url":"([^"]+)"/);
}

/** Ids of the processes that a process has started, the oldest first. */
function childrenOf(pid: number): number[] {
  const ids = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim();
  return ids === '' ? [] : ids.split(' ').map(Number);
}

interface Report {
  readonly mode: string;
  readonly production: { readonly threshold: number; readonly share: number };
  readonly taken?: object;
  readonly replicas: { readonly id: string; readonly members: readonly { readonly id: string }[] };
}

/** Each request has a connection of its own, so that the processes take turns. */
const ALONE = { headers: { Connection: 'close' } };

async function report(url: string, init: RequestInit = {}): Promise<Report> {
  const response = await fetch(`${url}/v2/models/${SMALL_NAME}/pruning`, { ...ALONE, ...init });
  expect(response.status).toBe(200);
  return (await response.json()) as Report;
}

/** What each of the two processes says. */
async function reports(url: string): Promise<Report[]> {
  const found = new Map<string, Report>();
  for (let i = 0; i < 8; i++) {
    const one = await report(url);
    found.set(one.replicas.id, one);
  }
  return [...found.values()];
}

async function image(i: number): Promise<string> {
  const elements = (await images) as Uint8Array;
  const at = (784 * i) % elements.length;
  const data = [...elements.subarray(at, at + 784)];
  return JSON.stringify({ inputs: [{ name: 'image', datatype: 'FP32', shape: [1, 1, 28, 28], data }] });
}
const images = readNpy(smallCnn('inputs.npy')).then(({ elements }) => elements);

async function send(url: string, from: number, count: number): Promise<void> {
  for (let i = from; i < from + count; i++) {
    const init = { ...ALONE, method: 'POST', body: await image(i) };
    const response = await fetch(`${url}/v2/models/${SMALL_NAME}/infer`, init);
    expect(response.status).toBe(200);
    await response.arrayBuffer();
  }
}

async function metric(url: string, name: string): Promise<number> {
  const text = await (await fetch(`${url}/metrics`, ALONE)).text();
  return Number(
    text
      .split('\n')
      .find((line) => line.startsWith(name))
      ?.split(' ')
      .at(-1),
  );
}

const requests = (url: string) =>
  metric(url, `taustat_requests_total{model="${SMALL_NAME}",version="1",outcome="ok"}`);

describe('a server of two processes', () => {
  it('has one port, one controller, one kill switch and one page of metrics, and outlives the end of a process', async () => {
    const url = await serve(['--grpc-port', '0']);
    const client = new GrpcClient(await running!.saying(/"grpc":"([^"]+)"/), true);
    expect(await client.isReady()).toBe(true);
    client.close();
    let sent = 0;
    const isServed = async () => {
      await send(url, sent, 40);
      sent += 40;
      const all = await reports(url);
      return (
        all.length === 2 && all.every(({ production: { threshold, share } }) => threshold > 0 && share === 1)
      );
    };
    let served = false;
    for (let i = 0; i < 200 && !served; i++) served = await isServed();
    expect(served).toBe(true);
    const both = await reports(url);
    expect(new Set(both.map(({ production }) => production.threshold)).size).toBe(1);
    expect(both[0]!.replicas.members.map(({ id }) => id).sort()).toEqual(
      both.map(({ replicas }) => replicas.id).sort(),
    );
    expect(await requests(url)).toBe(sent);

    // One of them is killed: the other answers, and there are two again, which serve alike.
    const [pid] = /-(\d+)-/.exec(both[0]!.replicas.id)!.slice(1);
    process.kill(Number(pid), 'SIGKILL');
    await running!.saying(/"msg":"the process serves again"/);
    // Nobody was sent to it before it could answer.
    expect(running!.stdout().match(/listening, not ready/g)).toHaveLength(1);
    await vi.waitFor(async () => {
      const now = await reports(url);
      expect(now.length).toBe(2);
      expect(now.map(({ replicas }) => replicas.id)).not.toContain(both[0]!.replicas.id);
      expect(now.every(({ production }) => production.threshold > 0)).toBe(true);
    }, LONG);
    await send(url, sent, 10);
    expect(await requests(url)).toBe(sent + 10);

    const off = await report(url, { ...ALONE, method: 'PUT', body: '{"mode":"off"}' });
    expect(off.taken).toEqual({ taken: 2, of: 2, missing: [] });
    expect((await reports(url)).map(({ mode }) => mode)).toEqual(['off', 'off']);

    // What is under way when it is told to stop is answered.
    const last = send(url, 0, 1);
    await vi.waitFor(async () => expect(await requests(url)).toBeGreaterThan(sent), LONG);
    await last;
    const { outcome, child } = running!;
    child.kill('SIGTERM');
    const { code, stderr } = await outcome;
    expect([code, stderr]).toEqual([0, '']);
  }, 240_000);

  it('goes on when the first process ends while the second one starts', async () => {
    running = start('dist/cli.js', ['serve', '--port', '0', '--processes', '2'], {
      ...SETTINGS,
      ...SMALL_GATED_ENV,
    });
    const primary = running.child.pid!;
    await vi.waitFor(() => expect(childrenOf(primary)).toHaveLength(2), LONG);
    process.kill(childrenOf(primary)[0]!, 'SIGKILL');
    await running.saying(/"processes":2,"msg":"serving"/);
    await vi.waitFor(() => expect(childrenOf(primary)).toHaveLength(2), LONG);
    expect(running.stdout()).not.toContain('draining');
  }, 120_000);

  it('loads and unloads models in both', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'taustat-processes-'));
    try {
      mkdirSync(join(folder, SMALL_NAME, '1'), { recursive: true });
      cpSync(smallCnn('model.onnx'), join(folder, SMALL_NAME, '1', 'model.onnx'));
      const url = await serve(['--model-repository', folder], {});
      const change = (what: string, name = SMALL_NAME) =>
        fetch(`${url}/v2/repository/models/${name}/${what}`, { ...ALONE, method: 'POST' });
      const ready = async () => {
        const answers = [];
        for (let i = 0; i < 4; i++)
          answers.push((await fetch(`${url}/v2/models/${SMALL_NAME}/ready`, ALONE)).status);
        return answers;
      };
      expect(await ready()).toEqual([200, 200, 200, 200]);
      expect((await change('unload')).status).toBe(200);
      expect((await ready()).every((status) => status !== 200)).toBe(true);
      expect((await change('load')).status).toBe(200);
      expect(await ready()).toEqual([200, 200, 200, 200]);
      mkdirSync(join(folder, 'broken', '1'), { recursive: true });
      writeFileSync(join(folder, 'broken', '1', 'model.onnx'), 'nonsense');
      const refused = await change('load', 'broken');
      expect(refused.status).toBe(400);
      expect(await refused.text()).toMatch("failed to load 'broken'");
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  }, 120_000);

  it.each([1, 2])(
    'loses no request of clients that go on while it stops: %i',
    async (processes) => {
      running = start('dist/cli.js', ['serve', '--port', '0', '--processes', String(processes)], {
        ...SETTINGS,
        ...SMALL_GATED_ENV,
      });
      await running.saying(/"msg":"serving"/);
      const url = await running.saying(/"url":"([^"]+)"/);
      const CLIENTS = 16;
      const outcomes: Record<string, number> = {};
      /** Sends one request after the other, until nobody listens. */
      const client = async (keepAlive: boolean) => {
        const agent = new Agent({ keepAlive, maxSockets: 1 });
        for (let outcome = ''; outcome !== 'ECONNREFUSED'; ) {
          outcome = await new Promise<string>((resolve) => {
            const asked = request(`${url}/v2/health/live`, { agent }, (answer) => {
              answer.resume();
              answer.on('end', () => resolve(String(answer.statusCode)));
              answer.on('error', ({ message }) => resolve(message));
            });
            asked.on('error', ({ code = '' }: NodeJS.ErrnoException) => resolve(code)).end();
          });
          outcomes[outcome] = (outcomes[outcome] ?? 0) + 1;
        }
        agent.destroy();
      };
      const clients = Promise.all(Array.from({ length: CLIENTS }, (_, i) => client(i % 2 === 0)));
      await vi.waitFor(() => expect(outcomes['200']).toBeGreaterThan(10 * CLIENTS), LONG);
      running.child.kill('SIGTERM');
      await clients;
      const { '200': answered = 0, ECONNREFUSED: refused, ...lost } = outcomes;
      expect(answered).toBeGreaterThan(0);
      expect(refused).toBe(CLIENTS);
      // A machine that stands still for half a second may lose one; without care it was one of nearly every client.
      expect(Object.values(lost).reduce((sum, n) => sum + n, 0)).toBeLessThan(CLIENTS / 4);
      expect((await running.outcome).code).toBe(0);
    },
    120_000,
  );

  it('does not say that it serves while no model is open, as a server of one process does not', async () => {
    const args = [
      'serve',
      '--port',
      '0',
      '--processes',
      '2',
      '--upstream',
      'http://127.0.0.1:9',
      '--model',
      'away',
    ];
    running = start('dist/cli.js', args);
    const models = await running.saying(
      /"models":(\[[^\]]*\]),"modes":{},"processes":2,"msg":"listening, not ready: no model is open yet"/,
    );
    expect(models).toBe('[]');
  });

  it('says once that there is nothing to serve, and ends', async () => {
    running = start('dist/cli.js', ['serve', 'missing.onnx', '--port', '0', '--processes', '2']);
    const { code, stderr } = await running.outcome;
    expect(code).toBe(2);
    expect(stderr.trim().split('\n')).toEqual([expect.stringMatching(/^taustat: FILE_NOT_FOUND/)]);
  }, 60_000);
});
