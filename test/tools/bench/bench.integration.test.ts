import { spawn } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ArmRun } from '../../../src/tools/bench/comparison.ts';
import type { ArmSummary } from '../../../src/tools/bench/summary.ts';
import { inProcess } from '../../cli/command.ts';
import { smallCnn } from '../../small-cnn.ts';

/** The model and its inputs, whose runs take 50 µs. */
const SMALL = [smallCnn('model.onnx'), '--inputs', smallCnn('inputs.npy')];
const CLI = new URL('../../../dist/cli.js', import.meta.url).pathname;

interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs `taustat bench`; `interruptAt` sends Ctrl-C when the text appears among the progress. */
function bench(options: readonly string[], interruptAt?: string): Promise<Ended> {
  const child = spawn(process.execPath, [CLI, 'bench', ...options], { stdio: ['ignore', 'pipe', 'pipe'] });
  let stdout = '';
  let stderr = '';
  child.stdout.on('data', (chunk: Buffer) => {
    stdout += chunk.toString();
  });
  child.stderr.on('data', (chunk: Buffer) => {
    const before = stderr;
    stderr += chunk.toString();
    const isNow = interruptAt !== undefined && stderr.includes(interruptAt) && !before.includes(interruptAt);
    if (isNow) child.kill('SIGINT');
  });
  return new Promise((resolve) => child.on('close', (code) => resolve({ code, stdout, stderr })));
}

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'taustat-bench-'));
});
afterAll(async () => {
  await rm(folder, { recursive: true });
});

describe('taustat bench', () => {
  it('compares three servers of the bundled model, and no request fails', async () => {
    const file = join(folder, 'report.json');
    const short = [
      '--seconds',
      '1',
      '--rounds',
      '1',
      '--batch',
      '16',
      '--settle',
      '0.3',
      '--connections',
      '4',
    ];
    // On a busy machine a wait may be predicted that is refused at default settings.
    const patient = join(folder, 'patient.yaml');
    await writeFile(patient, 'runtime: { maxQueueMs: 60000, maxQueue: 1000 }\n');
    const { code, stdout, stderr } = await bench([...short, '--config', patient, '--json', file]);
    expect(code, stderr).toBe(0);
    const report = JSON.parse(await readFile(file, 'utf8'));
    const runs: ArmRun[] = report.runs;
    const order = ['plain', 'observe', 'auto', 'auto', 'observe', 'plain'];
    expect(runs.map(({ arm, batch }) => [batch, arm])).toEqual(order.map((arm) => [16, arm]));
    for (const run of runs) {
      expect(run.load).toMatchObject({ non2xx: 0, errors: 0 });
      expect(run.load.requests).toBeGreaterThan(0);
      expect(run.load.latency.p50).toBeGreaterThan(0);
      expect(run.load.latency.p50).toBeLessThanOrEqual(run.load.latency.p99);
      expect(run.inferMs).toBeGreaterThan(0);
      expect(run.rssAfterBytes).toBeGreaterThan(1e7);
      expect(run.shadow.failed).toBe(0);
      if (run.arm === 'plain') expect(run).toMatchObject({ state: 'off', threshold: 0, shadow: { ok: 0 } });
    }
    expect(runs.filter(({ arm }) => arm === 'observe').every(({ state }) => state === 'observe')).toBe(true);
    const shadows = runs.filter(({ arm }) => arm !== 'plain').map(({ shadow }) => shadow.ok + shadow.dropped);
    expect(shadows.reduce((a, b) => a + b)).toBeGreaterThan(0);

    const summaries: ArmSummary[] = report.summaries;
    expect(summaries).toHaveLength(3);
    expect(summaries[0]).toMatchObject({ arm: 'plain', batch: 16, runs: 2, timeSavedRatio: null });
    expect(report).toMatchObject({
      reference: 'plain',
      environment: { model: 'bundled', node: process.version },
    });
    expect(stdout).toMatch(/sparsity +time saved/);
    expect(stderr).toContain('batch 16, round 1 of 1, plain:');
  });

  it('measures what HTTP costs', async () => {
    const { code, stdout, stderr } = await bench([...SMALL, '--overhead', '--rounds', '1', '--json', '-']);
    expect(code, stderr).toBe(0);
    const { overhead } = JSON.parse(stdout);
    for (const { p50Us, overheadUs } of [overhead.alone, overhead.inTurn]) {
      for (const way of ['worker', 'binary', 'json']) expect(p50Us[way][0]).toBeGreaterThan(0);
      // A busy machine may delay the bare worker more than the server.
      expect(Number.isFinite(overheadUs.binary.median)).toBe(true);
    }
    expect(overhead.alone.p50Us.json).toHaveLength(2);
  });

  it('follows the memory of a server over many requests', async () => {
    const { code, stdout, stderr } = await bench([...SMALL, '--soak', '3000', '--json', '-']);
    expect(code, stderr).toBe(0);
    const { soak } = JSON.parse(stdout);
    expect(soak.load).toMatchObject({ requests: 3000, non2xx: 0, errors: 0 });
    expect(soak.rss.length).toBeGreaterThan(1);
    expect(soak.rss[0].y).toBeGreaterThan(1e7);
  });

  it('compares protocols', async () => {
    const short = ['--seconds', '0.3', '--rounds', '1', '--batch', '16', '--connections', '4'];
    const { code, stdout, stderr } = await bench([
      ...SMALL,
      '--protocols',
      'json,binary,grpc',
      ...short,
      '--json',
      '-',
    ]);
    expect(code, stderr).toBe(0);
    const { reference, runs, summaries } = JSON.parse(stdout);
    expect(reference).toBe('json');
    const order = ['json', 'binary', 'grpc', 'grpc', 'binary', 'json'];
    expect(runs.map(({ batch, arm }: { batch: number; arm: string }) => [batch, arm])).toEqual(
      order.map((arm) => [16, arm]),
    );
    for (const { throughput, latency } of runs) {
      expect(throughput).toBeGreaterThan(0);
      expect(latency.p50).toBeLessThanOrEqual(latency.p99);
    }
    expect(summaries).toHaveLength(3);
  });

  it('overloads a server, which refuses, loses nothing and recovers', async () => {
    const { code, stdout, stderr } = await bench([...SMALL, '--overload', '3', '--json', '-']);
    expect(code, stderr).toBe(0);
    const { overload: all } = JSON.parse(stdout);
    expect(all.capacity).toBeGreaterThan(0);
    expect(all.overload.offered / all.capacity).toBeGreaterThan(2.5);
    expect(all.overload.refused).toBeGreaterThan(0);
    expect(all.overload.accepted).toBeGreaterThan(0);
    for (const phase of [all.uncongested, all.overload, all.after])
      expect(phase).toMatchObject({ failed: 0, hung: 0 });
  });

  it('leaves no server behind when it is interrupted', async () => {
    const { code, stdout, stderr } = await bench(
      [...SMALL, '--seconds', '1', '--arms', 'plain,observe'],
      'round 1 of 3',
    );
    expect(code).toBe(130);
    expect(stderr).toContain('taustat: interrupted');
    expect(stdout).toBe('');
  });

  it.each([
    [['--arms', 'plain,fast'], "'fast' is none of plain, observe, auto, batched", 2],
    [['--protocols', 'json,soap'], "'soap' is none of json, binary, grpc", 2],
    [['--protocols', 'json,json'], 'a protocol is given twice', 2],
    [['--batch', '0'], 'expected a whole number above 0', 2],
    [['--batch', '2000'], 'a batch of 2000 needs as many rows, the inputs have 1000', 1],
    [['nothing.onnx'], "model file 'nothing.onnx' cannot be read", 2],
    [['--inputs', 'y=nothing.npy'], "--inputs 'y=nothing.npy': expected name=x.npy with one of 'image'", 1],
    [
      ['--inputs', 'x.npy', '--inputs', 'image=y.npy'],
      "--inputs 'image=y.npy': input 'image' is given twice",
      1,
    ],
  ])('refuses %j: %s', async (options, message, expected) => {
    const { code, stderr } = await inProcess('bench', ...options);
    expect(code).toBe(expected);
    expect(stderr).toContain(message);
  });
});
