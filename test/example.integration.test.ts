import { Hono } from 'hono';
import { afterEach, describe, expect, it } from 'vitest';
import { createTaustat } from '../src/index.ts';
import type { NodeBindings } from '../src/transport/http/body.ts';
import { listen } from '../src/transport/http/server.ts';
import { type Running, start } from './cli/command.ts';

let running: Running | undefined;
afterEach(() => running?.child.kill('SIGKILL'));

describe('examples/mount.mjs', () => {
  it('serves its own route and those of taustat on one port', async () => {
    running = start('examples/mount.mjs', ['0']);
    const url = (await running.saying(/http:\/\/localhost:(\d+)/)).replace(/^/, 'http://localhost:');
    expect(await (await fetch(`${url}/hello`)).text()).toBe('mine, beside fashion-mnist-vgg');
    const metadata = (await (await fetch(`${url}/v2/models/fashion-mnist-vgg`)).json()) as { name: string };
    expect(metadata.name).toBe('fashion-mnist-vgg');
    expect((await fetch(`${url}/v2/health/ready`)).status).toBe(200);
    expect(await (await fetch(`${url}/metrics`)).text()).toContain('taustat_state');
    expect((await fetch(`${url}/v2/models/other`)).status).toBe(404);
    running.child.kill('SIGTERM');
    expect((await running.outcome).code).toBe(0);
  });
});

describe.each(['express', 'fastify'])('examples/%s.mjs', (name) => {
  it('serves its own route, and everything of taustat below /ml/', async () => {
    running = start(`examples/${name}.mjs`, ['0']);
    const url = (await running.saying(/http:\/\/localhost:(\d+)/)).replace(/^/, 'http://localhost:');
    expect(await (await fetch(`${url}/hello`)).text()).toBe('mine');
    expect(await belowPath(`${url}/ml`)).toEqual(WHOLE);
    running.child.kill('SIGTERM');
    expect((await running.outcome).code).toBe(0);
  });
});

describe('app.route()', () => {
  it('below a path serves everything, and sends the console to where its files are', async () => {
    const taustat = await createTaustat({ telemetry: { logLevel: 'silent' } });
    const app = new Hono<{ Bindings: NodeBindings }>();
    app.get('/hello', (context) => context.text('mine'));
    app.route('/deep/ml', taustat.routes);
    const listening = await listen(app, { host: '127.0.0.1', port: 0 });
    const response = await fetch(`${listening.url}/deep/ml`, { redirect: 'manual' });
    expect([response.status, response.headers.get('location')]).toEqual([308, 'ml/']);
    expect(await belowPath(`${listening.url}/deep/ml`)).toEqual(WHOLE);
    expect(await (await fetch(`${listening.url}/hello`)).text()).toBe('mine');
    await listening.stop(0);
    await taustat.close();
  });
});

const WHOLE = {
  page: true,
  files: [200],
  ready: 200,
  shape: [1, 10],
  refused: 400,
  changed: 'off',
  metrics: true,
  unknown: 404,
};

/** What is served below a path. */
async function belowPath(url: string) {
  const page = await (await fetch(`${url}/`)).text();
  const files = [...page.matchAll(/(?:href|src)="([^"]+)"/g)].map(([, file]) => new URL(file!, `${url}/`));
  const statuses = await Promise.all(files.map(async (file) => (await fetch(file)).status));
  const model = `${url}/v2/models/fashion-mnist-vgg`;
  const data = new Array<number>(784).fill(0.5);
  const inputs = [{ name: 'image', datatype: 'FP32', shape: [1, 1, 28, 28], data }];
  const infer = (body: object) =>
    fetch(`${model}/infer`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify(body),
    });
  const answer = (await (await infer({ inputs })).json()) as { outputs: { shape: number[] }[] };
  const put = await fetch(`${model}/pruning`, { method: 'PUT', body: '{"mode":"off"}' });
  return {
    page: page.startsWith('<!doctype html>'),
    files: [...new Set(statuses)],
    ready: (await fetch(`${url}/v2/health/ready`)).status,
    shape: answer.outputs[0]!.shape,
    refused: (await infer({})).status,
    changed: ((await put.json()) as { mode: string }).mode,
    metrics: (await (await fetch(`${url}/metrics`)).text()).includes('taustat_state'),
    unknown: (await fetch(`${model}x`)).status,
  };
}
