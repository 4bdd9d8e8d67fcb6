import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { BinaryClient } from '../../src/tools/demo/client.ts';
import { type Arrays, inputRows } from '../../src/tools/inputs/input-rows.ts';
import { readNpy } from '../../src/tools/inputs/npy.ts';
import { readNpz } from '../../src/tools/inputs/npz.ts';
import { SMALL_GATED_ENV, SMALL_NAME, smallCnn } from '../small-cnn.ts';
import { inProcess, type Running, start } from './command.ts';

const TOKEN = 'control-token-of-the-test';
const SETTINGS = { ...SMALL_GATED_ENV, TAUSTAT_CONTROL_TOKEN: TOKEN };
const REQUESTS = 40;

let folder: string;
let running: Running | undefined;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'taustat-record-'));
});
afterAll(() => rmSync(folder, { recursive: true }));
afterEach(() => running?.child.kill('SIGKILL'));

async function serve(settings: Record<string, string>, ...args: string[]): Promise<string> {
  running = start('dist/cli.js', ['serve', '--port', '0', '--no-state', ...args], {
    ...SETTINGS,
    ...settings,
  });
  return running.saying(/"url":"([^"]+)"/);
}

/** Images in requests of one to three rows. */
async function requests(): Promise<Float32Array[]> {
  const spec = { name: 'image', datatype: 'FP32', shape: [-1, 1, 28, 28] } as const;
  const images = inputRows([spec], new Map([['image', await readNpy(smallCnn('inputs.npy'))]]));
  return Array.from(
    { length: REQUESTS },
    (_, i) => images.batch(3 * i, 3 * i + 1 + (i % 3))[0]!.elements as Float32Array,
  );
}

async function send(url: string): Promise<Float32Array[]> {
  const client = new BinaryClient(url, SMALL_NAME, 1);
  const sent = await requests();
  try {
    for (const [i, elements] of sent.entries()) {
      const shape = [elements.length / 784, 1, 28, 28];
      const { status } = await client.infer(
        `r-${i}`,
        [{ name: 'image', datatype: 'FP32', shape, elements }],
        'on',
      );
      expect(status).toBe(200);
    }
  } finally {
    client.close();
  }
  return sent;
}

const record = (url: string, file: string, ...args: string[]) =>
  inProcess('record', SMALL_NAME, '--url', url, '-o', file, ...args);

it('writes the requests that a server got, and analyze runs them', async () => {
  const url = await serve({ TAUSTAT_SAMPLING_ALLOW_RECORD: 'true' });
  const sent = await send(url);
  const file = join(folder, 'recorded.npz');
  const flags = ['--requests', String(REQUESTS), '--wait', '20', '--token', TOKEN];
  const outcome = await record(url, file, ...flags);
  expect([outcome.code, outcome.stderr]).toEqual([0, '']);
  expect(outcome.stdout).toContain(`recorded ${REQUESTS} requests of '${SMALL_NAME}' in ${file}`);
  expect(statSync(file).mode & 0o777).toBe(0o600);
  const recorded = (await readNpz(file)) as readonly Arrays[];
  expect(recorded.map((request) => request.get('image')!.elements)).toEqual(sent);
  expect(recorded[2]!.get('image')!.shape).toEqual([3, 1, 28, 28]);
  expect(running!.stdout()).toContain('kept requests were read');

  const few = join(folder, 'few.npz');
  writeFileSync(few, 'of another day');
  chmodSync(few, 0o644);
  expect((await record(url, few, '--requests', '5', '--token', TOKEN)).code).toBe(0);
  expect(await readNpz(few)).toHaveLength(5);
  expect(statSync(few).mode & 0o777).toBe(0o600);
  expect(readdirSync(folder).sort()).toEqual(['few.npz', 'recorded.npz']);

  const json = join(folder, 'analysis.json');
  const analyzed = await inProcess('analyze', smallCnn('model.onnx'), '--inputs', file, '--json', json);
  expect([analyzed.code, analyzed.stderr]).toEqual([0, '']);
  const { rows, sites } = JSON.parse(readFileSync(json, 'utf8')) as { rows: number; sites: unknown[] };
  expect(rows).toBe(sent.reduce((sum, { length }) => sum + length / 784, 0));
  expect(sites).toHaveLength(5);
}, 60_000);

it('replaces only files, and nothing where it fails', async () => {
  const target = join(folder, 'target');
  mkdirSync(target);
  const link = join(target, 'link.npz');
  symlinkSync('elsewhere', link);
  const nobody = 'http://127.0.0.1:1';
  for (const path of [target, link, '/dev/null']) {
    const { code, stderr } = await record(nobody, path);
    expect([code, stderr]).toEqual([2, expect.stringContaining(`'${path}' cannot be written: it is there`)]);
  }
  const file = join(target, 'kept.npz');
  writeFileSync(file, 'of another day');
  expect((await record(nobody, file)).code).toBe(1);
  expect(readFileSync(file, 'utf8')).toBe('of another day');
  rmSync(target, { recursive: true });
});

it('is refused without the consent of the configuration, and without the control token', async () => {
  const url = await serve({});
  await send(url);
  const file = join(folder, 'refused.npz');
  const refused = await record(url, file, '--token', TOKEN);
  expect(refused.code).toBe(1);
  expect(refused.stderr).toMatch(/FORBIDDEN: .* answers 403: .*sampling\.allowRecord is not set/);
  expect((await record(url, file)).stderr).toMatch(/UNAUTHORIZED: .* answers 401: /);
  const unknown = await inProcess('record', 'nobody', '--url', url, '-o', file, '--token', TOKEN);
  expect(unknown.stderr).toMatch(/UNKNOWN_MODEL: .*'nobody'/);
  expect(() => statSync(file)).toThrow('ENOENT');
}, 60_000);

it('says so where no request is kept, and where no server is', async () => {
  const url = await serve({ TAUSTAT_SAMPLING_ALLOW_RECORD: 'true' }, '--mode', 'off');
  await send(url);
  const file = join(folder, 'none.npz');
  const none = await record(url, file, '--wait', '0', '--token', TOKEN);
  expect([none.code, none.stderr]).toEqual([
    1,
    expect.stringMatching(/UNAVAILABLE: no request of .* was kept/),
  ]);
  const nobody = await record('http://127.0.0.1:1', file, '--token', TOKEN);
  expect(nobody.stderr).toMatch(/UNAVAILABLE: http:\/\/127\.0\.0\.1:1 does not answer: /);
  expect((await record('nowhere', file)).code).toBe(2);
}, 60_000);
