import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { dump } from 'npyjs';
import { afterAll, describe, expect, it } from 'vitest';
import { type InputRows, inputRows } from '../../../src/tools/inputs/input-rows.ts';
import { type NpyArray, readNpy } from '../../../src/tools/inputs/npy.ts';

const folder = mkdtempSync(join(tmpdir(), 'taustat-'));
afterAll(() => rmSync(folder, { recursive: true }));

const array = (shape: number[], elements: NpyArray['elements']): NpyArray => ({
  path: 'x.npy',
  shape,
  dtype: 'f4',
  elements,
});

/** A .npy file with any header over zeros. */
function npyOf(descr: string, order: string, shape: string, bytes: number): Buffer {
  const dict = `{'descr': '${descr}', 'fortran_order': ${order}, 'shape': ${shape}, }`
    .padEnd(117)
    .concat('\n');
  const head = Buffer.from([0x93, ...Buffer.from('NUMPY'), 1, 0, dict.length, 0]);
  return Buffer.concat([head, Buffer.from(dict), Buffer.alloc(bytes)]);
}

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
    ['cut', Buffer.from(dump(Float64Array.of(1, 2, 3), [3])).subarray(0, 70), /not a usable \.npy file/],
    [
      'one element short',
      Buffer.from(dump(Float64Array.of(1, 2, 3), [3])).subarray(0, -8),
      /holds 2 elements/,
    ],
    ['longer than its shape', Buffer.from(dump(Float64Array.of(1, 2, 3), [1, 2])), /holds 3 elements/],
    ['column-major', npyOf('<f4', 'True', '(1,)', 4), /column-major/],
    ['big-endian', npyOf('>f4', 'False', '(1,)', 4), /Unsupported dtype: >f4/],
    ['of strings', npyOf('<U1', 'False', '(1,)', 4), /'U1' is not numeric/],
    ['of objects', npyOf('|O', 'False', '(1,)', 4), /not a usable \.npy file/],
    ['without a header', npyOf('', '', '', 4), /not a usable \.npy file/],
    ['of a shape that is no shape', npyOf('<f4', 'False', '(a,)', 4), /not a usable \.npy file/],
  ])('refuses a file that is %s', async (name, bytes, message) => {
    const path = join(folder, `${name}.npy`);
    writeFileSync(path, bytes);
    await expect(readNpy(path)).rejects.toThrow(message);
  });

  it('reads an array without rows, a single number, float16 and booleans', async () => {
    const read = async (bytes: Buffer) => {
      const path = join(folder, 'b.npy');
      writeFileSync(path, bytes);
      const { shape, elements } = await readNpy(path);
      return [shape, Array.from(elements as ArrayLike<unknown>)];
    };
    expect(await read(npyOf('<f4', 'False', '(0, 4)', 0))).toEqual([[0, 4], []]);
    expect(await read(npyOf('<i8', 'False', '()', 8))).toEqual([[], [0n]]);
    expect(await read(npyOf('<f2', 'False', '(2,)', 4))).toEqual([[2], [0, 0]]);
    expect(await read(npyOf('|b1', 'False', '(3,)', 3))).toEqual([[3], [false, false, false]]);
  });

  it('says which file is missing', async () => {
    await expect(readNpy('/nowhere.npy')).rejects.toMatchObject({
      code: 'FILE_NOT_FOUND',
      message: expect.stringMatching(/^'\/nowhere.npy' cannot be read: /),
    });
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

  it.each([
    ['FP16', Float32Array.of(1.5, -0.25), Uint16Array.of(0x3e00, 0xb400)],
    ['FP64', Float32Array.of(1.5, -0.25), Float64Array.of(1.5, -0.25)],
    ['BOOL', Float32Array.of(0.5, 0), Uint8Array.of(1, 0)],
    ['INT64', Float64Array.of(-1.9, 2 ** 53), BigInt64Array.of(-1n, 2n ** 53n)],
    ['UINT64', BigUint64Array.of(2n ** 64n - 1n, 0n), BigUint64Array.of(2n ** 64n - 1n, 0n)],
    ['INT32', Float64Array.of(-1.9, 7), Int32Array.of(-1, 7)],
    ['FP32', BigInt64Array.of(3n, -4n), Float32Array.of(3, -4)],
  ] as const)('makes %s of numbers', (datatype, numbers, expected) => {
    const spec = { name: 'x', datatype, shape: [-1] } as const;
    const rows = inputRows([spec], new Map([['x', array([2], numbers)]]));
    expect(rows.batch(0, 2)).toEqual([{ name: 'x', datatype, shape: [2], elements: expected }]);
  });

  it.each([
    [{ name: 'x', datatype: 'BYTES', shape: [-1] }, [1], /takes text/],
    [{ name: 'x', datatype: 'BF16', shape: [-1] }, [1], /takes bfloat16/],
  ] as const)('refuses an input that it cannot fill: %j', (spec, shape, message) => {
    const arrays = new Map([['x', array([...shape], Float32Array.of(1))]]);
    expect(() => inputRows([spec], arrays)).toThrow(message);
  });

  describe('of other layouts', () => {
    const scalar = { name: 's', datatype: 'FP32', shape: [] } as const;
    const two = array([2, 2], Float32Array.of(1, 2, 3, 4));
    const shapesOf = (rows: InputRows, from: number, to: number) =>
      rows.batch(from, to).map(({ shape, elements }) => [shape, Array.from(elements as Float32Array)]);

    it('repeats a scalar in every run, or takes one for each', () => {
      const shared = inputRows(
        [image, scalar],
        new Map([
          ['x', two],
          ['s', array([], Float32Array.of(9))],
        ]),
      );
      expect([shared.count, shared.runSize]).toEqual([2, undefined]);
      expect(shapesOf(shared, 1, 2)).toEqual([
        [
          [1, 2],
          [3, 4],
        ],
        [[], [9]],
      ]);
      const x = array([2, 1, 2], Float32Array.of(1, 2, 3, 4));
      const own = inputRows(
        [image, scalar],
        new Map([
          ['x', x],
          ['s', array([2], Float32Array.of(8, 9))],
        ]),
      );
      expect(own.runSize).toEqual({ kind: 'requests', ends: [1, 2] });
      expect(shapesOf(own, 1, 2)).toEqual([
        [
          [1, 2],
          [3, 4],
        ],
        [[], [9]],
      ]);
    });

    it('runs a model of scalars once', () => {
      const rows = inputRows([scalar], new Map([['s', array([], Float32Array.of(9))]]));
      expect([rows.count, shapesOf(rows, 0, 1)]).toEqual([1, [[[], [9]]]]);
    });

    it('takes rows along a named or a given axis, one at a time', () => {
      const sizes = Float32Array.from({ length: 6 }, (_, i) => i);
      const named = {
        name: 'x',
        datatype: 'FP32',
        shape: [-1, -1],
        dimensionNames: ['time', 'batch_size'],
      } as const;
      const rows = inputRows([named], new Map([['x', array([2, 3], sizes)]]));
      expect([rows.count, rows.runSize]).toEqual([3, { kind: 'fixed', rows: 1 }]);
      expect(shapesOf(rows, 1, 3)).toEqual([
        [
          [2, 2],
          [1, 2, 4, 5],
        ],
      ]);
      const given = inputRows([image], new Map([['x', two]]), { batchAxes: new Map([['x', 1]]) });
      expect(shapesOf(given, 1, 2)).toEqual([
        [
          [2, 1],
          [2, 4],
        ],
      ]);
      expect(() => inputRows([image], new Map([['x', two]]), { batchAxes: new Map([['x', 2]]) })).toThrow(
        "batch axis 2: input 'x' has axes 0 to 1",
      );
    });

    it('takes a fixed batch, and an array of fixed shape for all runs where rows differ', () => {
      const fixed = { name: 'x', datatype: 'FP32', shape: [2, 1] } as const;
      const four = array([4, 1], Float32Array.of(1, 2, 3, 4));
      expect(inputRows([fixed], new Map([['x', four]])).runSize).toEqual({ kind: 'fixed', rows: 2 });
      const open = { name: 'y', datatype: 'FP32', shape: [-1, 1] } as const;
      const pair = array([2, 1], Float32Array.of(7, 8));
      const rows = inputRows(
        [fixed, open],
        new Map([
          ['x', pair],
          ['y', four],
        ]),
      );
      expect([rows.count, rows.runSize]).toEqual([4, undefined]);
      expect(shapesOf(rows, 3, 4)).toEqual([
        [
          [2, 1],
          [7, 8],
        ],
        [[1, 1], [4]],
      ]);
      expect(() =>
        inputRows(
          [fixed, { ...fixed, name: 'z', shape: [4, 1] }],
          new Map([
            ['x', four],
            ['z', four],
          ]),
        ),
      ).toThrow("input 'x' takes 2 rows, 'z' 4: give their batch axes");
    });

    it('begins recurrent state at zero, or at a given value', () => {
      const h = { name: 'h', datatype: 'FP32', shape: [-1, 3] } as const;
      const state = { links: new Map([['h', 'h_next']]), sequenceRows: 2 };
      const rows = inputRows([image, h], new Map([['x', two]]), { state });
      expect([rows.count, rows.runSize]).toEqual([2, { kind: 'fixed', rows: 1 }]);
      expect(shapesOf(rows, 0, 1)[1]).toEqual([
        [1, 3],
        [0, 0, 0],
      ]);
      const first = array([1, 3], Float32Array.of(1, 2, 3));
      expect(
        shapesOf(
          inputRows(
            [image, h],
            new Map([
              ['x', two],
              ['h', first],
            ]),
            { state },
          ),
          1,
          2,
        )[1],
      ).toEqual([
        [1, 3],
        [1, 2, 3],
      ]);
      const cache = { name: 'h', datatype: 'FP32', shape: [-1, -1] } as const;
      expect(() => inputRows([image, cache], new Map([['x', two]]), { state })).toThrow(
        "state 'h' has a variable shape [-1,-1]: give its initial value",
      );
    });

    it('gives the request that a row is in', () => {
      const requests = [[1], [2, 3], []].map(
        (values) => new Map([['x', array([values.length], Float32Array.from(values))]]),
      );
      const rows = inputRows([{ name: 'x', datatype: 'FP32', shape: [-1] }], requests);
      expect([rows.count, rows.runSize]).toEqual([3, { kind: 'requests', ends: [1, 3] }]);
      expect([shapesOf(rows, 0, 1), shapesOf(rows, 1, 3)]).toEqual([[[[1], [1]]], [[[2], [2, 3]]]]);
    });
  });

  it('refuses to make integers of what is no number', () => {
    const rows = inputRows([ids], new Map([['ids', array([1, 1], Float32Array.of(Number.NaN))]]));
    expect(() => rows.batch(0, 1)).toThrow('NaN in the inputs is no integer');
  });

  it('refuses arrays of different lengths', () => {
    const arrays = new Map([
      ['x', array([1, 2], Float32Array.of(1, 2))],
      ['ids', array([2, 1], Int32Array.of(1, 2))],
    ]);
    expect(() => inputRows([image, ids], arrays)).toThrow("'ids' has 2 rows, 'x' has 1");
  });
});
