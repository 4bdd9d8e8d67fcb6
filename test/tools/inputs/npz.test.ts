import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { zipSync } from 'fflate';
import { afterAll, describe, expect, it } from 'vitest';
import { float16ToFloat32 } from '../../../src/estimator/float16.ts';
import { checkNpzInputs, npzOf } from '../../../src/protocol/npz.ts';
import type { Tensor } from '../../../src/protocol/types.ts';
import type { Arrays } from '../../../src/tools/inputs/input-rows.ts';
import { readNpz } from '../../../src/tools/inputs/npz.ts';
import { npy } from './npy-file.ts';

const folder = mkdtempSync(join(tmpdir(), 'taustat-npz-'));
afterAll(() => rmSync(folder, { recursive: true }));

async function read(bytes: Uint8Array) {
  const path = join(folder, 'x.npz');
  writeFileSync(path, bytes);
  return readNpz(path);
}

const zipped = (files: Record<string, Uint8Array>): Uint8Array => zipSync(files);
const X = npy('<f4', [2], Float32Array.of(1, 2));

/** Shape and numbers of an array as `readNpz` gives it. */
const numbersOf = (arrays: Arrays, name: string) => {
  const { shape, elements } = arrays.get(name)!;
  return [shape, Array.from(elements as ArrayLike<number | bigint | boolean>, Number)];
};

const tensors: fc.Arbitrary<Omit<Tensor, 'name'>> = fc
  .record({
    rows: fc.integer({ min: 0, max: 3 }),
    values: fc.array(fc.integer({ min: 0, max: 127 }), { minLength: 6, maxLength: 6 }),
    datatype: fc.constantFrom('FP32', 'FP64', 'INT64', 'INT8', 'UINT16', 'FP16'),
  })
  .map(({ rows, values, datatype }) => {
    const used = values.slice(0, rows * 2);
    const elements = {
      FP32: Float32Array.from(used),
      FP64: Float64Array.from(used),
      INT64: BigInt64Array.from(used, BigInt),
      INT8: Int8Array.from(used),
      UINT16: Uint16Array.from(used),
      FP16: Uint16Array.from(used),
    }[datatype];
    return { datatype, shape: [rows, 2], elements } as Omit<Tensor, 'name'>;
  });

describe('an .npz file of requests', () => {
  it('gives back every input of every request, in the order of their numbers', async () => {
    const requests = fc.uniqueArray(fc.record({ number: fc.nat(5000), x: tensors, 'scope/y:0': tensors }), {
      selector: ({ number }) => number,
      minLength: 1,
      maxLength: 4,
    });
    await fc.assert(
      fc.asyncProperty(requests, async (given) => {
        const all = given.map(({ number, ...inputs }) => ({
          number,
          inputs: Object.entries(inputs).map(([name, tensor]) => ({ name, ...tensor }) as Tensor),
        }));
        const back = (await read(Buffer.concat([...npzOf(all)]))) as readonly Arrays[];
        const expected = [...all].sort((a, b) => a.number - b.number);
        expect(back).toHaveLength(expected.length);
        for (const [i, { inputs }] of expected.entries())
          for (const { name, datatype, shape, elements } of inputs) {
            const values = datatype === 'FP16' ? float16ToFloat32(elements as Uint16Array) : elements;
            expect(numbersOf(back[i]!, name)).toEqual([
              shape,
              Array.from(values as ArrayLike<number | bigint>, Number),
            ]);
          }
      }),
      { numRuns: 30 },
    );
  });

  it('holds scalars and booleans', async () => {
    const inputs: Tensor[] = [
      { name: 's', datatype: 'INT64', shape: [], elements: BigInt64Array.of(-7n) },
      { name: 'b', datatype: 'BOOL', shape: [2], elements: Uint8Array.of(1, 0) },
    ];
    const [request] = (await read(Buffer.concat([...npzOf([{ number: 3, inputs }])]))) as readonly Arrays[];
    expect([numbersOf(request!, 's'), numbersOf(request!, 'b')]).toEqual([
      [[], [-7]],
      [[2], [1, 0]],
    ]);
  });

  it.each(['BYTES', 'BF16'] as const)('cannot hold %s', (datatype) => {
    expect(() => checkNpzInputs([{ name: 'x', datatype, shape: [-1] }])).toThrow(
      `input 'x' is ${datatype}, which .npy files cannot hold`,
    );
  });
});

describe('readNpz', () => {
  it('reads one array per input, as numpy.savez writes them', async () => {
    const arrays = (await read(zipped({ 'x.npy': X, 'y.npy': X }))) as Arrays;
    expect([...arrays.keys()]).toEqual(['x', 'y']);
    expect(numbersOf(arrays, 'y')).toEqual([[2], [1, 2]]);
  });

  it.each([
    [Buffer.from('not a zip'), /is not a usable \.npz file: /],
    [zipped({ '1/x.npy': X, 'y.npy': X }), /it holds requests and other arrays/],
    [zipped({ 'x.txt': Buffer.from('text') }), /x\.npz: x\.txt' is not a usable \.npy file/],
  ])('refuses what is none', async (bytes, message) => {
    await expect(read(bytes)).rejects.toMatchObject({
      code: 'INVALID_REQUEST',
      message: expect.stringMatching(message),
    });
  });
});
