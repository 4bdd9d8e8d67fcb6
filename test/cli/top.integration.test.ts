import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { SMALL_NAME, smallCnn } from '../small-cnn.ts';
import { inProcess, type Running, start } from './command.ts';

let folder: string;
let running: Running | undefined;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'taustat-top-'));
});
afterAll(() => rmSync(folder, { recursive: true }));
afterEach(() => running?.child.kill('SIGKILL'));

async function serve(...args: string[]): Promise<string> {
  running = start('dist/cli.js', ['serve', '--port', '0', '--no-state', ...args]);
  return running.saying(/"url":"([^"]+)"/);
}

it('shows what every model of every server does, those that do not answer too', async () => {
  const url = await serve(smallCnn('model.onnx'), '--name', SMALL_NAME, '--mode', 'observe');
  const gone = 'http://127.0.0.1:9';
  const json = await inProcess('top', '--url', url, '--url', gone, '--once', '--json');
  expect(json.code).toBe(1);
  const look = JSON.parse(json.stdout);
  expect(look.models).toHaveLength(1);
  expect(look.models[0]).toMatchObject({
    server: url,
    model: SMALL_NAME,
    unavailable: null,
    state: 'observe',
    exposure: 0,
    requests: 0,
    requestsPerSecond: null,
  });
  expect(look.silent).toEqual([{ server: gone, reason: expect.any(String) }]);

  const text = await inProcess('top', '--url', url, '--once');
  expect(text.code).toBe(0);
  expect(text.stdout).toMatch(/^model +state +pruned +τ +β +time +loss +allowed +requests\/s\n/);
  expect(text.stdout).toMatch(new RegExp(`\\n${SMALL_NAME} +observe +0\\.0 % +dense +`));
});

it('names a model that could not be loaded, and why', async () => {
  mkdirSync(join(folder, 'broken', '1'), { recursive: true });
  writeFileSync(join(folder, 'broken', '1', 'model.onnx'), 'no model');
  const url = await serve('--model-repository', folder);
  const { stdout } = await inProcess('top', '--url', url, '--once');
  expect(stdout).toMatch(/\nbroken +unavailable +– .* not an ONNX model/);
});

it('goes on until it is interrupted, and counts requests', async () => {
  const url = await serve(smallCnn('model.onnx'), '--name', SMALL_NAME);
  const top = start('dist/cli.js', ['top', '--url', url, '--interval', '0.1', '--json'], {});
  await top.saying(/"requests":0/);
  const body = JSON.stringify({
    inputs: [{ name: 'image', shape: [1, 1, 28, 28], datatype: 'FP32', data: new Array(784).fill(0) }],
  });
  await fetch(`${url}/v2/models/${SMALL_NAME}/infer`, { method: 'POST', body });
  await top.saying(/("requests":1,"requestsPerSecond":[0-9.e+-]+)/);
  top.child.kill('SIGINT');
  expect((await top.outcome).code).toBe(0);
});

it.each([
  [['--url', 'nonsense'], /--url 'nonsense': expected a URL/],
  [['--interval', '0'], /expected at least 0\.1/],
])('refuses %j', async (args, reason) => {
  const { code, stderr } = await inProcess('top', ...args);
  expect([code, stderr]).toEqual([2, expect.stringMatching(reason)]);
});
