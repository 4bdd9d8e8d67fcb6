import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createTaustat, type Taustat } from '../../../src/index.ts';
import { encodeModel } from '../../../src/onnx/model-file.ts';
import { model, node, tensor, value } from '../../onnx/models.ts';

/** y = 1 / (Relu(x) · 1): the product hides the zero of the gate from the graph's analysis. */
const source = model({
  nodes: [
    node('Relu', ['x'], 'r', {}, { name: 'relu' }),
    node('MatMul', ['r', 'w'], 'm'),
    node('Reciprocal', ['m'], 'y'),
  ],
  inputs: [value('x', ['N', 1])],
  outputs: [value('y', ['N', 1])],
  initializers: [tensor('w', [1, 1], [1])],
});

describe('a pruned answer that is not finite', () => {
  let folder: string;
  let taustat: Taustat;
  const ask = (x: number) =>
    taustat.infer({
      inputs: [{ name: 'x', datatype: 'FP32', shape: [1, 1], elements: Float32Array.of(x) }],
      parameters: {},
    });
  const counted = async () =>
    Number(/^taustat_nonfinite_answers_total\{.*\} (\d+)$/m.exec((await taustat.metrics()).body)?.[1] ?? 0);
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'nonfinite-'));
    const path = join(folder, 'm.onnx');
    await writeFile(path, encodeModel(source));
    taustat = await createTaustat({
      model: { path },
      runtime: { gates: 'mask' },
      control: { mode: 'fixed', threshold: 0.3 },
      sampling: { ratio: 0 },
      telemetry: { logLevel: 'silent' },
    });
  });
  afterAll(async () => {
    await taustat.close();
    await rm(folder, { recursive: true });
  });

  it('is answered dense, and counted', async () => {
    const pruned = await ask(0.5);
    expect([pruned.parameters.threshold, ...(pruned.outputs[0]!.elements as Float32Array)]).toEqual([0.3, 2]);
    expect(await counted()).toBe(0);
    const dense = await ask(0.25);
    expect([dense.parameters.threshold, ...(dense.outputs[0]!.elements as Float32Array)]).toEqual([0, 4]);
    expect(await counted()).toBe(1);
  });

  it('is answered as it is where the dense one is not finite either', async () => {
    const { outputs } = await ask(-1);
    expect([...(outputs[0]!.elements as Float32Array)]).toEqual([Number.POSITIVE_INFINITY]);
    expect(await counted()).toBe(2);
  });

  it('tells the guard, which ends the threshold', async () => {
    for (let i = 0; i < 200; i++) await ask(0.25);
    const { parameters } = await ask(0.5);
    expect(parameters.threshold).toBe(0);
  });
});
