import { afterEach, describe, expect, it } from 'vitest';
import { type Running, start } from './command.ts';

let running: Running | undefined;
afterEach(() => running?.child.kill('SIGKILL'));

const IMAGE = { name: 'image', shape: [1, 1, 28, 28], datatype: 'FP32', data: new Array(784).fill(100) };

async function serve(args: readonly string[], env: Record<string, string> = {}): Promise<string> {
  running = start('dist/cli.js', ['serve', '--port', '0', ...args], env);
  return running.saying(/"url":"([^"]+)"/);
}

function infer(url: string): Promise<Response> {
  const body = JSON.stringify({ inputs: [IMAGE] });
  return fetch(`${url}/v2/models/fashion-mnist-cnn/infer`, { method: 'POST', body });
}

describe('taustat serve', () => {
  it.each(['SIGTERM', 'SIGINT'] as const)(
    'answers, and on %s finishes what it has and exits with 0',
    async (signal) => {
      const url = await serve([]);
      expect((await infer(url)).status).toBe(200);
      const inFlight = Array.from({ length: 40 }, () => infer(url));
      await new Promise((resolve) => setTimeout(resolve, 20));
      running!.child.kill(signal);
      await new Promise((resolve) => setTimeout(resolve, 60));
      const ready = await fetch(`${url}/v2/health/ready`);
      expect(ready.status).toBe(503);
      for (const response of await Promise.all(inFlight)) {
        expect(response.status).toBe(200);
        await response.json();
      }
      const { code, stdout, stderr } = await running!.outcome;
      expect([code, stderr]).toEqual([0, '']);
      expect(stdout).toMatch(/stopped/);
    },
  );

  it('takes settings from the environment, and flags over them', async () => {
    const url = await serve(['--mode', 'observe'], {
      TAUSTAT_CONTROL_MODE: 'off',
      TAUSTAT_WINDOW_SLICES: '8',
    });
    const report = (await (await fetch(`${url}/v2/models/fashion-mnist-cnn/pruning`)).json()) as {
      mode: string;
      window: { capacity: number };
    };
    expect([report.mode, report.window.capacity]).toEqual(['observe', 8 * 16]);
  });
});
