import { readFileSync } from 'node:fs';
import { beforeAll, expect, it } from 'vitest';
import { encodeModel } from '../../../src/onnx/model-file.ts';
import { findKernels, type Kernels } from '../../../src/runtime/local/kernels.ts';
import { NativeSession } from '../../../src/runtime/local/native-session.ts';
import { openSession } from '../../../src/runtime/local/open-session.ts';
import { OrtSession } from '../../../src/runtime/local/ort-session.ts';
import { readNpy } from '../../../src/tools/inputs/npy.ts';
import { sessionContract } from '../../contracts/session-contract.ts';
import { FLOAT } from '../../onnx/models.ts';
import { smallCnn } from '../../small-cnn.ts';
import { identity, STRING } from '../small-models.ts';

const OPTIONS = { intraOpThreads: 1 };
let kernels: Kernels;
beforeAll(async () => {
  const found = await findKernels('auto');
  if (typeof found === 'object') throw new Error(found.reason);
  kernels = found;
});

sessionContract('session of onnxruntime-node', (model) => OrtSession.open(model, OPTIONS));
sessionContract('session of the addon', (model) => NativeSession.open(model, { ...OPTIONS, kernels }));

it('is of the addon where there is one, and of onnxruntime-node for strings', async () => {
  const open = async (elementType: number, known?: Kernels) => {
    const session = await openSession(encodeModel(identity(elementType)), { ...OPTIONS, kernels: known });
    await session.release();
    return session;
  };
  expect(await open(FLOAT, kernels)).toBeInstanceOf(NativeSession);
  expect(await open(STRING, kernels)).toBeInstanceOf(OrtSession);
  expect(await open(FLOAT)).toBeInstanceOf(OrtSession);
});

it('answers bit for bit the same either way', async () => {
  const model = readFileSync(smallCnn('model.onnx'));
  const images = await readNpy(smallCnn('inputs.npy'));
  const plain = await OrtSession.open(model, OPTIONS);
  const native = NativeSession.open(model, { ...OPTIONS, kernels });
  for (const rows of [1, 3, 32]) {
    const elements = Float32Array.from((images.elements as Uint8Array).subarray(0, rows * 784));
    const image = { name: 'image', datatype: 'FP32' as const, shape: [rows, 1, 28, 28], elements };
    expect(await native.run([image], ['logits'])).toEqual(await plain.run([image], ['logits']));
  }
  await plain.release();
  await native.release();
});
