// With `gates: auto` production is pruned where that was measured to save time, and dense where it was not.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { entryOf } from '../../../bench/zoo/entries.mjs';
import { compose } from '../../../src/compose.ts';
import { parseConfig } from '../../../src/config/schema.ts';
import type { pruningReport } from '../../../src/models/pruning-report.ts';
import { decodeModel } from '../../../src/onnx/model-file.ts';
import { modelSignature } from '../../../src/onnx/signature.ts';
import { PlanThread } from '../../../src/runtime/local/plan-thread.ts';
import type { Taustat } from '../../../src/taustat.ts';
import { inputRows } from '../../../src/tools/inputs/input-rows.ts';
import { readNpy } from '../../../src/tools/inputs/npy.ts';
import { type Listening, listen } from '../../../src/transport/http/server.ts';
import { until } from '../../transport/http/until.ts';

const ROOT = new URL('../../../', import.meta.url);
const ENTRY = entryOf('fashion-mnist-mlp');
const MODEL = new URL(ENTRY.model, ROOT).pathname;
const THRESHOLD = 0.25;
let taustat: Taustat;
let server: Listening;
afterEach(async () => {
  await server.stop(0);
  await taustat.close();
});

type Report = ReturnType<typeof pruningReport>;

async function start(runtime: object, store: object = {}): Promise<void> {
  const config = parseConfig({
    model: { path: MODEL, name: 'm' },
    server: { port: 0 },
    sampling: { ratio: 1, budget: 1 },
    control: { mode: 'fixed', threshold: THRESHOLD },
    runtime,
    store,
  });
  taustat = await compose(config, pino({ level: 'silent' }));
  server = await listen(taustat.routes, { host: '127.0.0.1', port: 0 });
}

const report = async () => (await (await fetch(`${server.url}/v2/models/m/pruning`)).json()) as Report;

async function requests() {
  const [input] = modelSignature(decodeModel(readFileSync(MODEL))).inputs;
  const file = new URL(Object.values(ENTRY.inputs)[0]!, ROOT).pathname;
  const rows = inputRows([input!], new Map([[input!.name, await readNpy(file)]]));
  return async (row: number) => {
    const [tensor] = rows.batch(row % rows.count, (row % rows.count) + 1);
    const body = {
      inputs: [{ ...tensor, data: [...(tensor!.elements as Float32Array)], elements: undefined }],
    };
    const answer = await fetch(`${server.url}/v2/models/m/infer`, {
      method: 'POST',
      body: JSON.stringify(body),
    });
    return (await answer.json()) as {
      parameters: { threshold: number };
      outputs: [{ data: number[] }];
    };
  };
}

describe('pruning that is to save time', () => {
  it('answers dense until it is measured, then as the plan says; the report tells which', {
    timeout: 120_000,
  }, async () => {
    await start({ gates: 'auto' });
    const infer = await requests();
    const first = await infer(0);
    expect(first.parameters.threshold).toBe(0);
    let told = await report();
    for (let i = 1; told.change.reason !== 'time'; i++) {
      await infer(i);
      told = await report();
    }
    const metrics = await (await fetch(`${server.url}/metrics`)).text();
    expect(metrics.match(/^taustat_plan_info\{.*\} 1$/gm)).toHaveLength(1);
    const { threshold } = (await infer(0)).parameters;
    const plan = told.plan!;
    if (told.state === 'unprofitable') {
      expect(threshold).toBe(0);
      expect(told.exposure).toBe(0);
      expect(told.speedup).toEqual({ ratio: 1, low: 1, high: 1 });
      expect(told.change.detail).toMatch(/saves no time/);
      return;
    }
    expect(threshold).toBe(Math.fround(THRESHOLD) === THRESHOLD ? THRESHOLD : Math.fround(THRESHOLD));
    expect(told.exposure).toBe(1);
    if (plan.kind !== 'measured') throw new Error(`plan '${plan.kind}'`);
    expect(plan.buckets.find(({ rows }) => rows === 1)?.pays).toBe(true);
    expect(told.speedup!.low).toBeGreaterThan(1);
    expect(told.change.detail).toMatch(
      /^pruning saves time: \d+ of \d+ layers skip zeros(, \d+ of \d+ sites (is|are) not pruned)?; 1 row: /,
    );
    // Sampled requests are timed both ways from now on, and the work that is left out is counted.
    let pruned = 0;
    const answered = async () => {
      const text = await (await fetch(`${server.url}/metrics`)).text();
      return Number(/^taustat_answers_total\{.*answer="pruned".*\} (\d+)$/m.exec(text)?.[1] ?? 0);
    };
    const before = await answered();
    for (let i = 0; i < 200; i++) pruned += (await infer(i)).parameters.threshold > 0 ? 1 : 0;
    expect((await answered()) - before).toBe(pruned);
    told = await report();
    expect(told.macsSkipped).toBeGreaterThan(0.05);
    expect(told.macsSkipped).toBeLessThan(1);
    expect(told.speedup!.ratio).toBeGreaterThan(0);
    const figures = await (await fetch(`${server.url}/metrics`)).text();
    const skipped = Number(/^taustat_macs_skipped_ratio\{.*\} (.*)$/m.exec(figures)?.[1]);
    expect(skipped).toBeCloseTo(told.macsSkipped, 2);
  });

  it('is timed with the threads of a run that are set', async () => {
    const open = vi.spyOn(PlanThread, 'open').mockRejectedValue(new Error('seen'));
    await start({ gates: 'auto', intraOpThreads: 2 });
    const infer = await requests();
    for (let i = 0; open.mock.calls.length === 0; i++) await infer(i);
    expect(open.mock.calls[0]![0].intraOpThreads).toBe(2);
    open.mockRestore();
  });

  it('saves time from a restart on, without measuring again', { timeout: 120_000 }, async () => {
    const folder = mkdtempSync(join(tmpdir(), 'taustat-plan-'));
    const store = { enabled: true, folder };
    await start({ gates: 'auto' }, store);
    const infer = await requests();
    let told = await report();
    for (let i = 0; told.change.reason !== 'time'; i++) {
      await infer(i);
      told = await report();
    }
    const { plan } = told;
    await server.stop(0);
    await taustat.close();
    await start({ gates: 'auto' }, store);
    if (told.state !== 'unprofitable') {
      // Not one request comes before that.
      await until(async () => (await report()).exposure === 1);
      expect((await report()).plan).toEqual(plan);
      expect((await infer(0)).parameters.threshold).toBeGreaterThan(0);
    }
    rmSync(folder, { recursive: true });
  });

  it('stays dense where there are no kernels, and says what is missing', async () => {
    await start({ gates: 'auto', kernels: 'off' });
    const infer = await requests();
    expect((await infer(0)).parameters.threshold).toBe(0);
    const told = await report();
    expect(told.state).toBe('unprofitable');
    expect(told.change.detail).toBe('pruning saves no time: runtime.kernels is off');
  });

  it('is not asked about with masks', async () => {
    await start({ gates: 'mask' });
    const infer = await requests();
    expect((await infer(0)).parameters.threshold).toBe(THRESHOLD);
    expect((await report()).plan).toBeNull();
  });
});
