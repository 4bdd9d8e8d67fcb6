// What workers make of a model that was rewritten for kernels.
import type { ModelProto } from 'onnx-buf';
import { afterEach, describe, expect, it } from 'vitest';
import { indexGraph } from '../../../src/onnx/graph.ts';
import { assertComplete } from '../../../src/onnx/model-file.ts';
import { findSites } from '../../../src/onnx/sites.ts';
import { linearOperators } from '../../../src/onnx/sparse/operators.ts';
import { sparsify } from '../../../src/onnx/sparse/sparsify.ts';
import type { Tensor } from '../../../src/protocol/types.ts';
import { findKernels, type Kernels } from '../../../src/runtime/local/kernels.ts';
import { WorkerRuntime } from '../../../src/runtime/local/worker-runtime.ts';
import { model, node, tensor, value } from '../../onnx/models.ts';
import { setupOf } from '../open-runtime.ts';

const kernels = await findKernels('auto');
let runtime: WorkerRuntime;
afterEach(() => runtime.close());

const CHANNELS = 2;
const SIDE = 3;

/** y = Conv(Relu(x)) + `added`, x [N, 2, 3, 3]; the convolution doubles each channel. */
function residual(added: string): ModelProto {
  return model({
    nodes: [
      node('Relu', ['x'], 'r', {}, { name: 'relu' }),
      node('Conv', ['r', 'w'], 'c'),
      node('GlobalAveragePool', ['x'], 'mean'),
      node('Add', ['c', added], 'y'),
    ],
    inputs: [value('x', ['N', CHANNELS, SIDE, SIDE])],
    outputs: [value('y', ['N', CHANNELS, SIDE, SIDE])],
    initializers: [tensor('w', [CHANNELS, CHANNELS, 1, 1], [2, 0, 0, 2])],
  });
}

const input: Tensor = {
  name: 'x',
  datatype: 'FP32',
  shape: [1, CHANNELS, SIDE, SIDE],
  elements: Float32Array.from({ length: CHANNELS * SIDE * SIDE }, (_, i) => i - 4),
};

async function adopting(source: ModelProto): Promise<void> {
  assertComplete(source);
  const { sites } = findSites(source, { scheme: 'activations' });
  const { sparse } = linearOperators(source, indexGraph(source), sites);
  expect(sparse).toHaveLength(1);
  const setup = { ...setupOf(source), kernels: kernels as Kernels };
  runtime = await WorkerRuntime.start(setup, { workers: 1, maxShadowQueue: 8 });
  expect(await runtime.adopt(sparsify(source, sites, sparse).bytes)).toBe(true);
}

describe.skipIf(typeof kernels === 'object')('a rewritten model in workers', () => {
  const run = (inputs: readonly Tensor[], threshold: number) =>
    runtime.run({ inputs, outputs: ['y'], thresholds: Float32Array.of(threshold), keepInputs: true });
  const expected = (added: (i: number) => number) =>
    Array.from(input.elements as Float32Array, (x, i) => (x >= 3 ? 2 * x : 0) + added(i));

  it('answers pruned runs', async () => {
    await adopting(residual('x'));
    const { outputs } = await run([input], 3);
    expect([...(outputs[0]!.elements as Float32Array)]).toEqual(expected((i) => i - 4));
  });

  it('gives way to the gates where it cannot do what they can', async () => {
    await adopting(residual('mean'));
    const mean = (i: number) => (i < SIDE * SIDE ? 0 : SIDE * SIDE);
    for (let again = 0; again < 2; again++) {
      const { outputs } = await run([input], 3);
      expect([...(outputs[0]!.elements as Float32Array)]).toEqual(expected(mean));
    }
  });

  it('refuses what the model itself refuses, and answers on', async () => {
    await adopting(residual('x'));
    const wrong = { ...input, shape: [1, 1, SIDE, 2 * SIDE] };
    await expect(run([wrong], 3)).rejects.toThrow();
    expect((await run([input], 3)).outputs).toHaveLength(1);
  });
});
