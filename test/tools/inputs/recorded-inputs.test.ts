import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import type { Datatype, TensorSpec } from '../../../src/protocol/types.ts';
import { recordedInputs } from '../../../src/tools/inputs/recorded-inputs.ts';
import { npy } from './npy-file.ts';

const spec = (name: string, datatype: Datatype, shape: number[]) => ({ name, datatype, shape });
const model = (...inputs: TensorSpec[]) => ({ inputs, outputs: [] });
const ONE = model(spec('x', 'FP32', [-1, 2]));
const TWO = model(spec('ids', 'INT64', [-1, 2]), spec('mask', 'FP32', [-1, 2]));

describe('recorded inputs', () => {
  let folder = '';
  const file = (name: string): string => join(folder, name);

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'taustat-analyze-'));
    await writeFile(file('x.npy'), npy('<f4', [3, 2], Float32Array.of(1, 2, 3, 4, 5, 6)));
    await writeFile(file('ids.npy'), npy('|u1', [3, 2], Uint8Array.of(1, 2, 3, 4, 5, 6)));
    await writeFile(file('a=b.npy'), npy('|u1', [3, 2], Uint8Array.of(1, 2, 3, 4, 5, 6)));
    await writeFile(file('y.npy'), npy('<i8', [3], BigInt64Array.of(2n, 0n, 1n)));
    await writeFile(file('empty.npy'), npy('<f4', [0, 2], new Float32Array(0)));
  });

  it('need no name where there is one input, and are cast to the datatype of the model', async () => {
    const rows = await recordedInputs(ONE, { model: 'm.onnx', inputs: [file('ids.npy')] });
    expect(rows.count).toBe(3);
    expect(rows.batch(1, 3)[0]).toEqual({
      name: 'x',
      datatype: 'FP32',
      shape: [2, 2],
      elements: Float32Array.of(3, 4, 5, 6),
    });
    expect((await recordedInputs(ONE, { model: 'm.onnx', inputs: [`x=${file('x.npy')}`] })).count).toBe(3);
    expect((await recordedInputs(ONE, { model: 'm.onnx', inputs: [`x=${file('a=b.npy')}`] })).count).toBe(3);
  });

  it('are bound by name where there are several, in any order', async () => {
    const inputs = [`mask=${file('x.npy')}`, `ids=${file('ids.npy')}`];
    const rows = await recordedInputs(TWO, { model: 'm.onnx', inputs });
    const [ids, mask] = rows.batch(0, 1);
    expect(ids!.elements).toEqual(BigInt64Array.of(1n, 2n));
    expect(mask!.elements).toEqual(Float32Array.of(1, 2));
  });

  it('may be arrays that are in memory already', async () => {
    const array = { path: 'x', shape: [1, 2], dtype: 'f4', elements: Float32Array.of(7, 8) };
    const rows = await recordedInputs(ONE, { model: 'm.onnx', inputs: { x: array } });
    expect(rows.batch(0, 1)[0]!.elements).toEqual(Float32Array.of(7, 8));
  });

  it.each([
    [ONE, ['empty.npy'], 'the inputs have no rows'],
    [ONE, ['x.npy', 'x.npy'], "input 'x' is given twice"],
    [ONE, ['x.npy', 'x=ids.npy'], "input 'x' is given twice"],
    [TWO, ['ids=ids.npy', 'ids=ids.npy'], "input 'ids' is given twice"],
    [ONE, ['y=x.npy'], "expected name=x.npy with one of 'x'"],
    [TWO, ['x.npy'], "expected name=x.npy with one of 'ids', 'mask'"],
    [TWO, ['ids=ids.npy'], "input 'mask' is missing"],
    [ONE, ['y.npy'], "has shape [3], input 'x' takes [-1,2]"],
  ])('that do not fit are refused (%#)', async (specs, given, message) => {
    const inputs = given.map((text) => text.replace(/([\w-]+\.npy)$/, (name) => file(name)));
    await expect(recordedInputs(specs, { model: 'm.onnx', inputs })).rejects.toMatchObject({
      code: 'INVALID_REQUEST',
      message: expect.stringContaining(message),
    });
  });

  it('that are missing are named', async () => {
    await expect(recordedInputs(TWO, { model: 'm.onnx' })).rejects.toThrow(
      "no inputs: give --inputs name=x.npy for 'ids', 'mask'",
    );
    const inputs = [file('nowhere.npy')];
    await expect(recordedInputs(ONE, { model: 'm.onnx', inputs })).rejects.toMatchObject({
      code: 'FILE_NOT_FOUND',
    });
  });
});
