import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { bytesOf, slow } from '../runtime/small-models.ts';
import { SMALL_NAME, smallGatedEnv } from '../small-cnn.ts';
import { until } from '../transport/http/until.ts';
import { type Running, start } from './command.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'taustat-'));
});
afterAll(() => rm(folder, { recursive: true }));
let running: Running | undefined;
afterEach(() => running?.child.kill('SIGKILL'));

const MODEL = `/v2/models/${SMALL_NAME}`;
const IMAGE = { name: 'image', shape: [1, 1, 28, 28], datatype: 'FP32', data: new Array(784).fill(100) };

async function serve(args: readonly string[], env: Record<string, string> = {}): Promise<string> {
  running = start('dist/cli.js', ['serve', '--port', '0', ...args], { ...smallGatedEnv(args), ...env });
  return running.saying(/"url":"([^"]+)"/);
}

function infer(url: string, input: object = IMAGE, model = MODEL): Promise<Response> {
  return fetch(`${url}${model}/infer`, { method: 'POST', body: JSON.stringify({ inputs: [input] }) });
}

async function requestsUnderWay(url: string): Promise<number> {
  const text = await (await fetch(`${url}/metrics`)).text();
  return Number(/^taustat_queue_requests\{.*\} (\d+)$/m.exec(text)?.[1]);
}

/** The first answer of the readiness probe that is not 200. */
async function notReady(url: string): Promise<number> {
  for (;;) {
    const { status } = await fetch(`${url}/v2/health/ready`);
    if (status !== 200) return status;
  }
}

describe('taustat serve', () => {
  it('in front of a server that is not there says that it serves nothing yet, and which model it waits for', async () => {
    const args = [
      'serve',
      '--port',
      '0',
      '--upstream',
      'http://127.0.0.1:9',
      '--model',
      'resnet',
      '--no-state',
    ];
    running = start('dist/cli.js', args);
    await running!.saying(
      /"models":\["resnet"\].*"msg":"not ready: the upstream server is asked again and again"/,
    );
    const url = await running.saying(/"url":"([^"]+)".*"msg":"listening, not ready: no model is open yet"/);
    expect(running.stdout()).not.toContain('"msg":"serving"');
    expect((await fetch(`${url}/v2/health/ready`)).status).toBe(503);
  });

  it.each(['SIGTERM', 'SIGINT'] as const)(
    'answers, and on %s finishes what it has and exits with 0',
    async (signal) => {
      const file = join(folder, 'slow.onnx');
      await writeFile(file, bytesOf(slow()));
      const url = await serve([file, '--workers', '1']);
      const some = { name: 'trips', shape: [], datatype: 'INT64', data: [15_000] };
      const inFlight = Array.from({ length: 4 }, () => infer(url, some, '/v2/models/slow'));
      await until(async () => (await requestsUnderWay(url)) === 4);
      const probed = notReady(url);
      running!.child.kill(signal);
      expect(await probed).toBe(503);
      for (const response of await Promise.all(inFlight)) {
        expect(response.status).toBe(200);
        expect(await response.json()).toMatchObject({ outputs: [{ name: 'y', data: [128] }] });
      }
      const { code, stdout, stderr } = await running!.outcome;
      expect([code, stderr]).toEqual([0, '']);
      expect(stdout).toMatch(/stopped/);
    },
  );

  it.each(['::1', '[::1]'])('listens on IPv6, --host %s', async (host) => {
    const url = await serve(['--host', host, '--grpc-port', '0']);
    expect(url).toMatch(/^http:\/\/\[::1\]:\d+$/);
    expect(running!.stdout()).toMatch(/"grpc":"\[::1\]:\d+"/);
    expect((await fetch(`${url}/v2/health/ready`)).status).toBe(200);
  });

  it('does not wait for a console that stays open, nor for a connection that asks nothing', async () => {
    const url = await serve([], { TAUSTAT_SERVER_DRAIN_SECONDS: '3600' });
    const events = await fetch(`${url}${MODEL}/pruning/events`);
    const reader = events.body!.getReader();
    expect(new TextDecoder().decode((await reader.read()).value)).toContain('event: pruning');
    running!.child.kill('SIGTERM');
    while (!(await reader.read()).done);
    expect((await running!.outcome).code).toBe(0);
  });

  it('takes settings from a file, the environment over it, and flags over both', async () => {
    const file = join(folder, 'taustat.yaml');
    await writeFile(
      file,
      'window: {slices: 8, sliceSamples: 4}\ncontrol: {mode: fixed, threshold: 1}\nmodel: {version: "7"}\n',
    );
    const url = await serve(['--config', file, '--mode', 'observe'], {
      TAUSTAT_CONTROL_MODE: 'off',
      TAUSTAT_WINDOW_SLICES: '5',
    });
    const report = await (await fetch(`${url}${MODEL}/pruning`)).json();
    expect(report).toMatchObject({ mode: 'observe', window: { capacity: 5 * 4 } });
    expect(await (await fetch(url + MODEL)).json()).toMatchObject({ versions: ['7'] });
  });

  it('lets the operator change the mode from this machine, and logs every change once', async () => {
    const url = await serve(['--mode', 'observe']);
    const body = JSON.stringify({ mode: 'fixed', threshold: 0.25 });
    const put = await fetch(`${url}${MODEL}/pruning`, { method: 'PUT', body });
    expect(await put.json()).toMatchObject({ mode: 'fixed', threshold: 0.25 });
    expect(await (await infer(url)).json()).toMatchObject({ parameters: { threshold: 0.25 } });
    running!.child.kill('SIGTERM');
    const lines = (await running!.outcome).stdout.trim().split('\n');
    const changes = lines.map((line) => JSON.parse(line)).filter((line) => line.reason !== undefined);
    expect(changes).toMatchObject([{ mode: 'fixed', threshold: 0.25, reason: 'operator' }]);
  });

  it('serves a repository, and writes no token anywhere', async () => {
    const repository = join(folder, 'repository');
    for (const name of ['a', 'b']) {
      await mkdir(join(repository, name, '1'), { recursive: true });
      await writeFile(join(repository, name, '1', 'model.onnx'), name === 'a' ? bytesOf(slow()) : 'broken');
    }
    const [data, control] = ['data-plane-secret', 'control-plane-secret'];
    const url = await serve(['--model-repository', repository, '--log-level', 'debug'], {
      TAUSTAT_SERVER_TOKEN: data,
      TAUSTAT_CONTROL_TOKEN: control,
    });
    const headers = { Authorization: `Bearer ${control}` };
    const some = { inputs: [{ name: 'trips', shape: [], datatype: 'INT64', data: [1] }] };
    const post = (path: string, sent: object) =>
      fetch(url + path, { method: 'POST', body: JSON.stringify(some), headers: { ...sent } });
    expect((await post('/v2/models/a/infer', {})).status).toBe(401);
    expect((await post('/v2/models/a/infer', { 'X-API-Key': data })).status).toBe(200);
    expect((await fetch(`${url}/v2/repository/models/b/load`, { method: 'POST', headers })).status).toBe(400);
    expect((await fetch(`${url}/v2/models/${control}/infer`, { method: 'POST', headers })).status).toBe(404);
    running!.child.kill('SIGTERM');
    const { code, stdout, stderr } = await running!.outcome;
    expect([code, stderr]).toEqual([0, '']);
    expect(stdout).toMatch(/"models":\["a"\]/);
    expect(stdout).toMatch(/the model was not loaded/);
    expect(stdout).not.toMatch(/plane-secret/);
  });
});

describe.runIf(process.getuid?.() === 0)('a repository that may not be read for a while', () => {
  const NOBODY = { uid: 65534, gid: 65534 };

  it('goes on answering, and says so', async () => {
    const repository = join(await mkdtemp(join(tmpdir(), 'taustat-unreadable-')), 'models');
    const model = join(repository, 'm');
    await mkdir(join(model, '1'), { recursive: true });
    await writeFile(join(model, '1', 'model.onnx'), bytesOf(slow()));
    await chmod(join(repository, '..'), 0o755);
    const args = ['serve', '--port', '0', '--no-state', '--model-repository', repository];
    running = start('dist/cli.js', args, { TAUSTAT_MODEL_POLL_SECONDS: '0.1' }, NOBODY);
    const url = await running.saying(/"url":"([^"]+)"/);
    await chmod(model, 0);
    await running.saying(/the model cannot be read: it goes on answering as loaded/);
    const some = { name: 'trips', shape: [], datatype: 'INT64', data: [1] };
    expect((await infer(url, some, '/v2/models/m')).status).toBe(200);
    const index = await fetch(`${url}/v2/repository/index`, { method: 'POST' });
    expect(await index.json()).toMatchObject([
      { name: 'm', version: '1', state: 'READY', reason: expect.stringMatching('EACCES') },
    ]);
    await chmod(model, 0o755);
    await running.saying(/the model can be read again/);
    expect(running.stdout()).not.toContain('unloaded');
  });
});
