import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { pruningReport } from '../../src/models/pruning-report.ts';
import { BinaryClient } from '../../src/tools/demo/client.ts';
import { inputRows } from '../../src/tools/inputs/input-rows.ts';
import { readNpy } from '../../src/tools/inputs/npy.ts';
import { SMALL_GATED_ENV, SMALL_NAME, smallCnn } from '../small-cnn.ts';
import { until } from '../transport/http/until.ts';
import { inProcess, type Running, start } from './command.ts';

type Report = ReturnType<typeof pruningReport>;

const MODEL = SMALL_NAME;
let folder: string;
let running: Running | undefined;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'taustat-state-'));
});
afterAll(() => rmSync(folder, { recursive: true }));
afterEach(() => running?.child.kill('SIGKILL'));

/** An objective that is soon proven, and samples enough for it. */
const SETTINGS = { ...SMALL_GATED_ENV, TAUSTAT_SAMPLING_BUDGET: '0.9', TAUSTAT_AGREEMENT_ALPHA: '0.1' };

async function serve(...args: string[]): Promise<string> {
  const all = [
    'serve',
    '--port',
    '0',
    '--state-dir',
    folder,
    '--sampling',
    '1',
    '--agreement',
    '0.8',
    ...args,
  ];
  running = start('dist/cli.js', all, SETTINGS);
  return running.saying(/"url":"([^"]+)"/);
}

const report = async (url: string, model = MODEL): Promise<Report> =>
  (await fetch(`${url}/v2/models/${model}/pruning`)).json() as Promise<Report>;

async function put(url: string, body: object): Promise<void> {
  const response = await fetch(`${url}/v2/models/${MODEL}/pruning`, {
    method: 'PUT',
    body: JSON.stringify(body),
  });
  expect(response.status).toBe(200);
}

/** Sends real images until the server tracks a threshold in all of production. */
async function untilTracking(url: string): Promise<Report> {
  const { inputs } = (await (await fetch(`${url}/v2/models/${MODEL}`)).json()) as { inputs: [] };
  const rows = inputRows(inputs, new Map([['image', await readNpy(smallCnn('inputs.npy'))]]));
  const client = new BinaryClient(url, MODEL, 2);
  try {
    for (let i = 0; i < 20_000; i++) {
      await client.infer(`r-${i}`, [rows.batch(i % rows.count, (i % rows.count) + 1)[0]!], 'on');
      if (i % 50 !== 0) continue;
      const now = await report(url);
      if (now.state === 'tracking' && now.production.share === 1) return now;
    }
  } finally {
    client.close();
  }
  throw new Error('no threshold was tracked');
}

const kill = async () => {
  running!.child.kill('SIGKILL');
  await running!.outcome;
};

describe('what a server keeps', () => {
  it('survives kill -9: the next one tracks the same threshold from its first answer on', async () => {
    const before = await untilTracking(await serve());
    expect(before.threshold).toBeGreaterThan(0);
    // The disk may be slower than the next stage of a ramp.
    const evidence = () =>
      readdirSync(folder).find((name) => name.startsWith(`${MODEL}@1.`) && name.endsWith('.json'))!;
    await until(() => readFileSync(join(folder, evidence()), 'utf8').includes('"stage":3'));
    await kill();
    const after = await report(await serve());
    expect([after.state, after.mode]).toEqual(['tracking', 'auto']);
    expect(after.threshold).toBeGreaterThanOrEqual(before.threshold);
    expect(running!.stdout()).toContain('resumed from kept state');
  });

  it('is for one model: another starts afresh', async () => {
    const other = join(folder, `${MODEL}.onnx`);
    const bytes = readFileSync(smallCnn('model.onnx'));
    // A trailing, unknown field: the same graph in another file.
    writeFileSync(other, Buffer.concat([bytes, Buffer.from([0xfa, 0x3f, 0x01, 0x00])]));
    const { state, threshold } = await report(await serve(other));
    expect([state, threshold]).toEqual(['warming', 0]);
  });

  it('is a switch that stays thrown: off outlives kill -9 and other settings', async () => {
    await put(await serve(), { mode: 'off' });
    await kill();
    for (const args of [[], ['--mode', 'auto', '--agreement', '0.9']]) {
      const { mode, state, threshold } = await report(await serve(...args));
      expect([mode, state, threshold]).toEqual(['off', 'off', 0]);
      await kill();
    }
  });

  it('is an account of every decision, which can be derived again from it', async () => {
    // The one of the model that was tracked, not of the other.
    const logs = readdirSync(folder).filter((name) => name.endsWith('.audit.jsonl'));
    const log = logs.find((name) => readFileSync(join(folder, name), 'utf8').includes('agreement-proven'))!;
    const { code, stdout } = await inProcess('replay', join(folder, log));
    expect(stdout).toMatch(/\d+ decisions, each derived again from its evidence, bit for bit\n$/);
    expect(code).toBe(0);
    const forged = join(folder, 'forged.jsonl');
    writeFileSync(forged, readFileSync(join(folder, log), 'utf8').replaceAll('"share":0.25', '"share":0.5'));
    const found = await inProcess('replay', forged);
    expect([found.code, found.stdout]).toEqual([1, expect.stringContaining('DIFFERS')]);
  });

  it('is nothing with --no-state', async () => {
    const url = await serve('--no-state');
    expect(await report(url)).toMatchObject({ mode: 'auto', state: 'warming' });
  });

  it('does not keep a server from serving where nothing can be written', async () => {
    running = start(
      'dist/cli.js',
      ['serve', '--port', '0', '--state-dir', '/dev/null/state'],
      SMALL_GATED_ENV,
    );
    const url = await running.saying(/"url":"([^"]+)"/);
    expect((await report(url)).state).toBe('warming');
    expect(running.stdout()).toContain('serving goes on without');
  });
});
