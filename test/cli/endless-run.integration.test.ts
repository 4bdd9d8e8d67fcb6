import { afterEach, describe, expect, it } from 'vitest';
import { until } from '../transport/http/until.ts';
import { type Running, start } from './command.ts';

const FILE = 'test/runtime/models/loop-for-ever.onnx';
const X = { name: 'x', shape: [1, 4], datatype: 'FP32', data: [1, 2, 3, 4] };
let running: Running;
afterEach(() => running.child.kill('SIGKILL'));

async function serve(env: Record<string, string>): Promise<string> {
  const args = ['serve', FILE, '--name', 'm', '--port', '0', '--workers', '1', '--no-state'];
  running = start('dist/cli.js', args, env);
  return running.saying(/"url":"([^"]+)"/);
}

const infer = (url: string) =>
  fetch(`${url}/v2/models/m/infer`, { method: 'POST', body: JSON.stringify({ inputs: [X] }) });

describe('a run that does not end', () => {
  it('is stopped, and the worker goes on', async () => {
    const url = await serve({ TAUSTAT_RUNTIME_MAX_RUN_SECONDS: '0.2' });
    for (let i = 0; i < 4; i++) {
      const answer = await infer(url);
      expect([answer.status, await answer.json()]).toEqual([
        504,
        { error: 'the run took longer than 0.2 s (runtime.maxRunSeconds)' },
      ]);
      expect((await fetch(`${url}/v2/models/m/ready`)).status).toBe(200);
    }
    const metrics = await (await fetch(`${url}/metrics`)).text();
    expect(metrics).toContain('taustat_runs_overdue_total{model="m",version="1"} 4');
    expect(metrics).not.toMatch(/taustat_workers_lost_total\{.*\} [1-9]/);
    running.child.kill('SIGTERM');
    await running.outcome;
    expect(running.stdout()).not.toContain('something hangs');
  });

  it('is given up with its worker where it cannot be stopped, and the model once too many are', async () => {
    const url = await serve({ TAUSTAT_RUNTIME_MAX_RUN_SECONDS: '0.2', TAUSTAT_RUNTIME_KERNELS: 'off' });
    const isReady = async () => (await fetch(`${url}/v2/models/m/ready`)).status === 200;
    const first = await infer(url);
    expect([first.status, await first.json()]).toEqual([
      504,
      { error: 'the run took longer than 0.2 s (runtime.maxRunSeconds)' },
    ]);
    // A fresh worker takes its place.
    await until(isReady);
    expect((await infer(url)).status).toBe(504);
    expect(await isReady()).toBe(false);
    const refused = await infer(url);
    expect([refused.status, await refused.json()]).toEqual([
      503,
      { error: '2 runs have not ended within 0.2 s, and hold every worker that there may be' },
    ]);
    const index = await fetch(`${url}/v2/repository/index`, { method: 'POST' });
    expect(await index.json()).toMatchObject([
      { state: 'UNAVAILABLE', reason: expect.stringMatching('2 runs have not ended') },
    ]);
    const metrics = await (await fetch(`${url}/metrics`)).text();
    expect(metrics).toContain('taustat_runs_overdue_total{model="m",version="1"} 2');
    expect(running.stdout()).toContain('a run does not end');
    running.child.kill('SIGTERM');
    await running.outcome;
    expect(running.stdout()).toContain('something hangs: ended by SIGTERM');
  });

  it('does not keep the server from ending', async () => {
    const url = await serve({ TAUSTAT_SERVER_DRAIN_SECONDS: '0.5' });
    const asked = infer(url).catch(() => undefined);
    await until(async () =>
      /^taustat_queue_requests\{.*\} 1$/m.test(await (await fetch(`${url}/metrics`)).text()),
    );
    running.child.kill('SIGTERM');
    await running.outcome;
    await asked;
    expect(running.stdout()).toContain('something has not ended');
  });
});
