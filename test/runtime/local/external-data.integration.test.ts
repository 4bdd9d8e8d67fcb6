import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type StringStringEntryProto, TensorProto_DataLocation } from 'onnx-buf';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { encodeModel } from '../../../src/onnx/model-file.ts';
import type { Tensor } from '../../../src/protocol/types.ts';
import { loadModel } from '../../../src/runtime/local/load-model.ts';
import { WorkerRuntime } from '../../../src/runtime/local/worker-runtime.ts';
import { model, node, tensor, value } from '../../onnx/models.ts';

const X: Tensor = { name: 'x', datatype: 'FP32', shape: [1, 2], elements: Float32Array.of(1, -1) };
let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'taustat-external-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

/** y = Relu(x · w) · w with w in a file of its own. */
function write(at: string, location = 'w.bin'): string {
  const weight = tensor('w', [2, 2], []);
  weight.dataLocation = TensorProto_DataLocation.EXTERNAL;
  const entry = { $typeName: 'onnx.StringStringEntryProto', key: 'location', value: location };
  weight.externalData = [entry as StringStringEntryProto];
  const source = model({
    nodes: [node('MatMul', ['x', 'w'], 'h'), node('Relu', ['h'], 'a'), node('MatMul', ['a', 'w'], 'y')],
    inputs: [value('x', ['N', 2])],
    outputs: [value('y', ['N', 2])],
    initializers: [weight],
  });
  mkdirSync(at, { recursive: true });
  writeFileSync(join(at, 'model.onnx'), encodeModel(source));
  writeFileSync(join(at, 'w.bin'), Float32Array.of(1, 2, -3, 4));
  return join(at, 'model.onnx');
}

async function answer(path: string): Promise<number[]> {
  const { setup } = await loadModel(path, { scheme: 'activations' });
  const runtime = await WorkerRuntime.start(
    { ...setup, intraOpThreads: 1 },
    { workers: 1, maxShadowQueue: 1 },
  );
  try {
    const run = { inputs: [X], outputs: ['y'], keepInputs: true };
    const [plain, gated] = [
      await runtime.run(run),
      await runtime.run({ ...run, thresholds: Float32Array.of(0) }),
    ];
    expect(gated.outputs).toEqual(plain.outputs);
    return [...(plain.outputs[0]!.elements as Float32Array)];
  } finally {
    await runtime.close();
  }
}

describe('weights outside the model file', () => {
  it('are found beside it', async () => {
    expect(await answer(write(join(folder, 'plain')))).toEqual([4, 8]);
  });

  it('are found through links beside it, to below its folder', async () => {
    const path = write(join(folder, '..data'));
    symlinkSync(path, join(folder, 'model.onnx'));
    symlinkSync(join('..data', 'w.bin'), join(folder, 'w.bin'));
    expect(await answer(join(folder, 'model.onnx'))).toEqual([4, 8]);
  });

  it('are found where links of a cache lead, under whatever name', async () => {
    const blobs = join(folder, 'blobs');
    const snapshot = join(folder, 'snapshots', 'abc');
    renameSync(write(blobs), join(blobs, 'aaa'));
    renameSync(join(blobs, 'w.bin'), join(blobs, 'bbb'));
    mkdirSync(snapshot, { recursive: true });
    symlinkSync('../../blobs/aaa', join(snapshot, 'model.onnx'));
    symlinkSync('../../blobs/bbb', join(snapshot, 'w.bin'));
    expect(await answer(join(snapshot, 'model.onnx'))).toEqual([4, 8]);
  });

  it('are refused where a link leaves both folders', async () => {
    const path = write(join(folder, 'model'));
    renameSync(join(folder, 'model', 'w.bin'), join(folder, 'secret'));
    symlinkSync('../secret', join(folder, 'model', 'w.bin'));
    await expect(loadModel(path, { scheme: 'activations' })).rejects.toThrow(
      /'w.bin' is a link to .*secret', which leaves/,
    );
  });

  it('are refused where their name leaves the folder', async () => {
    await expect(loadModel(write(folder, '../w.bin'), { scheme: 'activations' })).rejects.toThrow(
      /leaves the folder/,
    );
  });
});
