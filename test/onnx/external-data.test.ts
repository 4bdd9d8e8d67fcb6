import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { TensorProto_DataLocation } from 'onnx-buf';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { instrument } from '../../src/onnx/instrument.ts';
import { decodeModel, encodeModel, externalDataFiles } from '../../src/onnx/model-file.ts';
import { model, node, tensor, value } from './models.ts';
import { ort } from './ort.ts';
import { floats, numbers, thresholds } from './reference.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'external-'));
});
afterAll(() => rm(folder, { recursive: true }));

it('weights outside the model file stay where they are and are still read', async () => {
  const weight = tensor('w', [2, 2], []);
  weight.dataLocation = TensorProto_DataLocation.EXTERNAL;
  const entries = { location: 'weights.bin', offset: '0', length: '16' };
  weight.externalData = Object.entries(entries).map(([key, text]) => ({
    $typeName: 'onnx.StringStringEntryProto',
    key,
    value: text,
  }));
  const source = model({
    nodes: [node('MatMul', ['x', 'w'], 'h'), node('Relu', ['h'], 'a'), node('MatMul', ['a', 'w'], 'y')],
    inputs: [value('x', ['N', 2])],
    outputs: [value('y', ['N', 2])],
    initializers: [weight],
  });
  await writeFile(join(folder, 'weights.bin'), Float32Array.of(1, 2, -3, 4));
  await writeFile(join(folder, 'plain.onnx'), encodeModel(source));
  const { bytes, sites } = instrument(encodeModel(source));
  expect(sites.map((site) => site.tensor)).toEqual(['a']);
  expect(externalDataFiles(decodeModel(bytes))).toEqual(['weights.bin']);
  await writeFile(join(folder, 'gated.onnx'), bytes);

  const session = await ort.InferenceSession.create(join(folder, 'gated.onnx'));
  const at = async (threshold: number): Promise<number[]> => {
    const feeds = { x: floats([1, -1, 2, 1], [2, 2]), taustat_threshold: thresholds(1, threshold) };
    return numbers((await session.run(feeds)).y);
  };
  // h = [4, -2; -1, 8]
  expect(await at(0)).toEqual([4, 8, -24, 32]);
  expect(await at(5)).toEqual([0, 0, -24, 32]);
});
