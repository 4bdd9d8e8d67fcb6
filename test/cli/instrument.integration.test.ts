import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { smallCnn } from '../small-cnn.ts';
import { inProcess, taustat } from './command.ts';

describe('taustat instrument', () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'taustat-'));
  });
  afterAll(() => rm(folder, { recursive: true }));

  it('says what it did with every site, and writes a model that runs', async () => {
    const output = join(folder, 'gated.onnx');
    const { code, stdout } = await taustat('instrument', smallCnn('model.onnx'), '-o', output);
    expect(code).toBe(0);
    expect(stdout).toMatch(/#\s+site\s+op\s+decision/);
    expect(stdout.match(/ {2}gated$/gm)).toHaveLength(5);
    expect(stdout).toMatch(/skipped: \S+/);
    process.env.ORT_DISABLE_TELEMETRY = '1';
    const { InferenceSession, Tensor } = await import('onnxruntime-node');
    const session = await InferenceSession.create(output, { intraOpNumThreads: 1 });
    expect(session.inputNames).toEqual(['image', 'taustat_threshold']);
    const run = (threshold: number) =>
      session.run({
        image: new Tensor('float32', new Float32Array(784).fill(90), [1, 1, 28, 28]),
        taustat_threshold: new Tensor('float32', new Float32Array(5).fill(threshold), [5]),
      });
    expect((await run(0)).logits!.data).not.toEqual((await run(1)).logits!.data);
  });

  it('prints JSON alone where that is asked for', async () => {
    const output = join(folder, 'told.onnx');
    const { stdout } = await inProcess('instrument', smallCnn('model.onnx'), '-o', output, '--json');
    const told = JSON.parse(stdout);
    expect(told.output).toBe(output);
    expect(told.sites).toHaveLength(5);
    expect(told.sites[0]).toEqual({
      name: '/block1/relu/Relu',
      op: 'Relu',
      tensor: expect.any(String),
      tap: 'taustat_tap_0',
    });
    expect(told.skipped[0].reason).toEqual(expect.any(String));
  });

  it('bakes a threshold in, without an input and without taps', async () => {
    const output = join(folder, 'baked.onnx');
    expect(
      (await inProcess('instrument', smallCnn('model.onnx'), '-o', output, '--threshold', '0.2', '--no-taps'))
        .code,
    ).toBe(0);
    const { InferenceSession } = await import('onnxruntime-node');
    const session = await InferenceSession.create(output, { intraOpNumThreads: 1 });
    expect([session.inputNames, session.outputNames]).toEqual([['image'], ['logits']]);
  });
});
