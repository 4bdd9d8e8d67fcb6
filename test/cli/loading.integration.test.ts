import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { GrpcClient } from '../contracts/inference/grpc-client.ts';
import { bytesOf, slow } from '../runtime/small-models.ts';
import { type Running, start } from './command.ts';

let folder: string;
let file: string;
let running: Running;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'taustat-loading-'));
  file = join(folder, 'm.onnx');
  // Reading a pipe waits for who writes it: the model is loaded when the test wants it to be.
  execFileSync('mkfifo', [file]);
});
afterEach(async () => {
  running.child.kill('SIGKILL');
  await running.outcome;
  rmSync(folder, { recursive: true });
});

async function serve(): Promise<{ url: string; grpc: string }> {
  running = start('dist/cli.js', ['serve', file, '--port', '0', '--grpc-port', '0', '--no-state']);
  const port = await running.saying(/"port":(\d+).*listening/);
  const grpcPort = await running.saying(/"grpcPort":(\d+)/);
  return { url: `http://127.0.0.1:${port}`, grpc: `127.0.0.1:${grpcPort}` };
}

describe('while its model is loaded, a server', () => {
  it('is live, says what is missing, and puts everything else off; then it is ready', async () => {
    const { url, grpc } = await serve();
    expect((await fetch(`${url}/v2/health/live`)).status).toBe(200);
    const ready = await fetch(`${url}/v2/health/ready`);
    expect([ready.status, await ready.json()]).toEqual([503, { ready: false, missing: ['m'] }]);
    const infer = { method: 'POST', body: '{}' };
    const asked = [
      fetch(`${url}/`),
      fetch(`${url}/metrics`),
      fetch(`${url}/v2/models/m`),
      fetch(`${url}/v2/models/m/infer`, infer),
      fetch(`${url}/v2/repository/index`, infer),
      fetch(`${url}/nowhere`),
    ];
    for (const answer of await Promise.all(asked)) {
      expect([answer.status, await answer.json()]).toEqual([503, { error: 'the models are being loaded' }]);
      expect(answer.headers.get('retry-after')).toMatch(/^\d+$/);
    }
    const client = new GrpcClient(grpc, true);
    expect([await client.isLive(), await client.isReady()]).toEqual([true, false]);

    await writeFile(file, bytesOf(slow()));
    await running.saying(/"msg":"serving"/);
    expect(await (await fetch(`${url}/v2/health/ready`)).json()).toEqual({ ready: true });
    expect((await fetch(`${url}/v2/models/m`)).status).toBe(200);
    expect(await client.isReady()).toBe(true);
    client.close();
  });

  it('ends with the reason where it cannot be', async () => {
    const { url } = await serve();
    expect((await fetch(`${url}/v2/health/live`)).status).toBe(200);
    await writeFile(file, 'no model');
    const { code, stderr } = await running.outcome;
    expect(code).toBe(1);
    expect(stderr).toMatch(/^taustat: MODEL_INVALID: not an ONNX model/);
  });
});
