import { describe, expect, it } from 'vitest';
import { recordedLabels } from '../../../src/tools/analyze/labels.ts';

const array = (dtype: string, shape: number[], elements: ArrayLike<number> | ArrayLike<bigint>) => ({
  path: 'y.npy',
  shape,
  dtype,
  elements,
});

describe('labels', () => {
  it.each([
    ['a list of int64', array('i8', [3], BigInt64Array.of(2n, 0n, 1n))],
    ['a column of uint8', array('u1', [3, 1], Uint8Array.of(2, 0, 1))],
  ])('are a class for every row: %s', async (_, labels) => {
    expect(await recordedLabels(3, { model: 'm.onnx', labels })).toEqual(Int32Array.of(2, 0, 1));
  });

  it('come with the bundled inputs, and with no others', async () => {
    expect(await recordedLabels(1000, {})).toHaveLength(1000);
    expect(await recordedLabels(3, { model: 'm.onnx' })).toBeUndefined();
    expect(await recordedLabels(3, { inputs: ['x.npy'] })).toBeUndefined();
  });

  it.each([
    [
      array('u1', [2], Uint8Array.of(2, 0)),
      "'y.npy': shape [2], expected [3], one class per row of the inputs",
    ],
    [array('f4', [3], Float32Array.of(2, 0, 1)), "'y.npy': element type 'f4', expected whole numbers"],
    [array('u1', [3, 2], new Uint8Array(6)), 'shape [3,2], expected [3]'],
  ])('that do not fit are refused (%#)', async (labels, message) => {
    await expect(recordedLabels(3, { labels })).rejects.toMatchObject({
      code: 'INVALID_REQUEST',
      message: expect.stringContaining(message),
    });
  });
});
