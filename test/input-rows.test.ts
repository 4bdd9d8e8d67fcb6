import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { dump } from 'npyjs';
import { afterAll, describe, expect, it } from 'vitest';
import { inputRows } from '../src/input-rows.ts';
import { type NpyArray, readNpy } from '../src/npy.ts';

const folder = mkdtempSync(join(tmpdir(), 'taustat-'));
afterAll(() => rmSync(folder, { recursive: true }));

const array = (shape: number[], elements: NpyArray['elements']): NpyArray => ({
  path: 'x.npy',
  shape,
  dtype: 'f4',
  elements,
});

describe('readNpy', () => {
  it('reads what NumPy writes', async () => {
    const path = join(folder, 'a.npy');
    writeFileSync(path, Buffer.from(dump(Int16Array.of(1, -2, 3, 4, 5, 6), [3, 2])));
    const { shape, dtype, elements } = await readNpy(path);
    expect([shape, dtype, Array.from(elements as Int16Array)]).toEqual([[3, 2], 'i2', [1, -2, 3, 4, 5, 6]]);
  });

  it.each([
    ['text', Buffer.from('not an array'), /does not begin with the NumPy magic number/],
    ['empty', Buffer.alloc(0), /magic number/],
    ['cut', Buffer.from(dump(Float64Array.of(1, 2, 3), [3])).subarray(0, 70), /no usable \.npy file/],
  ])('refuses a file that is %s', async (name, bytes, message) => {
    const path = join(folder, `${name}.npy`);
    writeFileSync(path, bytes);
    await expect(readNpy(path)).rejects.toThrow(message);
  });

  it('says which file is missing', async () => {
    await expect(readNpy('/nowhere.npy')).rejects.toThrow(/FILE_NOT_FOUND|'\/nowhere.npy' cannot be read/);
  });
});

describe('inputRows', () => {
  const image = { name: 'x', datatype: 'FP32', shape: [-1, 2] } as const;
  const ids = { name: 'ids', datatype: 'INT64', shape: [-1, 1] } as const;

  it('casts to the input’s datatype and never scales', () => {
    const rows = inputRows(
      [image, ids],
      new Map([
        ['x', array([2, 2], Uint8Array.of(0, 255, 7, 8))],
        ['ids', array([2, 1], Int16Array.of(-3, 9))],
      ]),
    );
    expect(rows.count).toBe(2);
    const [x, id] = rows.batch(1, 2);
    expect(x).toEqual({ name: 'x', datatype: 'FP32', shape: [1, 2], elements: Float32Array.of(7, 8) });
    expect(id!.elements).toEqual(BigInt64Array.of(9n));
  });

  it.each([
    [new Map(), /input 'x' is missing/],
    [new Map([['y', array([1, 2], Float32Array.of(1, 2))]]), /has no input 'y', only 'x'/],
    [new Map([['x', array([1, 3], Float32Array.of(1, 2, 3))]]), /shape \[1,3\], input 'x' takes \[-1,2\]/],
    [new Map([['x', array([2], Float32Array.of(1, 2))]]), /shape \[2\]/],
  ])('refuses what does not fit', (arrays, message) => {
    expect(() => inputRows([image], arrays)).toThrow(message);
  });

  it('refuses arrays of different lengths', () => {
    const arrays = new Map([
      ['x', array([1, 2], Float32Array.of(1, 2))],
      ['ids', array([2, 1], Int32Array.of(1, 2))],
    ]);
    expect(() => inputRows([image, ids], arrays)).toThrow("'ids' has 2 rows, 'x' has 1");
  });
});
