import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Tensor } from '../../../src/protocol/types.ts';
import { type LoadedModel, loadModel } from '../../../src/runtime/local/load-model.ts';
import { WorkerRuntime } from '../../../src/runtime/local/worker-runtime.ts';
import { inputRows } from '../../../src/tools/inputs/input-rows.ts';
import { readNpy } from '../../../src/tools/inputs/npy.ts';
import { smallCnn } from '../../small-cnn.ts';

const THRESHOLD = 0.140625;

describe('WorkerRuntime.prepare', () => {
  let loaded: LoadedModel;
  let runtime: WorkerRuntime;
  let inputs: Tensor[];

  beforeAll(async () => {
    const sites = { scheme: 'activations' } as const;
    loaded = await loadModel(smallCnn('model.onnx'), sites);
    const options = { workers: 2, maxQueue: 512, maxShadowQueue: 4, sites };
    runtime = await WorkerRuntime.start({ ...loaded.setup, intraOpThreads: 1 }, options);
    const arrays = new Map([['image', await readNpy(smallCnn('inputs.npy'))]]);
    inputs = inputRows(loaded.signature.inputs, arrays).batch(0, 16);
  });
  afterAll(() => runtime.close());

  const logits = async (threshold: number) => {
    const thresholds = new Float32Array(loaded.sites.length).fill(threshold);
    const { outputs } = await runtime.run({ inputs, outputs: ['logits'], thresholds, keepInputs: true });
    return outputs[0]!.elements as Float32Array;
  };

  it('gives the same pruned answers before, while and after the threshold is baked in, and other thresholds stay live', async () => {
    const live = await logits(THRESHOLD);
    const other = await logits(0.5);
    runtime.prepare(THRESHOLD);
    const meanwhile = await Promise.all(Array.from({ length: 300 }, () => logits(THRESHOLD)));
    for (const answer of meanwhile) expectClose(answer, live);
    for (let i = 0; i < 40; i++) {
      await new Promise((resolve) => setTimeout(resolve, 50));
      expectClose(await logits(THRESHOLD), live);
    }
    expectClose(await logits(0.5), other);
    expect(runtime.isReady).toBe(true);
  });

  it('can be asked again before the last time is done, and for dense', async () => {
    const expected = await logits(0.25);
    runtime.prepare(0.25);
    runtime.prepare(0.3);
    runtime.prepare(0);
    runtime.prepare(0.25);
    for (let i = 0; i < 30; i++) {
      expectClose(await logits(0.25), expected);
      await new Promise((resolve) => setTimeout(resolve, 30));
    }
  });
});

function expectClose(actual: Float32Array, expected: Float32Array): void {
  expect(actual.length).toBe(expected.length);
  for (const [i, value] of expected.entries()) expect(Math.abs(actual[i]! - value)).toBeLessThanOrEqual(1e-5);
}
