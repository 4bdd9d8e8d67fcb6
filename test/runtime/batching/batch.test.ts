import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { rowMeetings } from '../../../src/onnx/row-independence.ts';
import { modelSignature } from '../../../src/onnx/signature.ts';
import type { Tensor, TensorSpec } from '../../../src/protocol/types.ts';
import {
  areSameAnswers,
  canShareRun,
  joined,
  rowsOf,
  split,
  unbatchable,
} from '../../../src/runtime/batching/batch.ts';
import { perceptron, perceptronInput, slow } from '../small-models.ts';

const spec = (name: string, shape: readonly number[], dimensionNames?: TensorSpec['dimensionNames']) =>
  ({ name, datatype: 'FP32', shape, ...(dimensionNames === undefined ? {} : { dimensionNames }) }) as const;

const Y = ['y'];
const floats = (shape: readonly number[], ...values: readonly number[]): Tensor => ({
  name: 'y',
  datatype: 'FP32',
  shape,
  elements: Float32Array.from(values),
});

describe('models whose requests never ride together', () => {
  it.each<[string, readonly TensorSpec[], readonly TensorSpec[], string]>([
    ['no inputs', [], [spec('y', [-1])], 'the model has no inputs'],
    [
      'a fixed batch',
      [spec('x', [1, 4])],
      [spec('y', [-1])],
      "dimension 0 of 'x' is not variable: shape [1,4]",
    ],
    ['a scalar', [spec('x', [-1])], [spec('y', [])], "dimension 0 of 'y' is not variable: shape []"],
    [
      'rows that are lost',
      [spec('x', [-1, 4], ['N', undefined])],
      [spec('y', [-1], ['found'])],
      'dimension 0 has several names: N, found',
    ],
    [
      'rows against rows',
      [spec('x', [-1, 4], ['N', undefined])],
      [spec('y', [-1, -1], ['N', 'N'])],
      "the rows of 'y' are as long as the batch",
    ],
  ])('%s', (_, inputs, outputs, reason) => {
    expect(unbatchable({ inputs, outputs }, [])).toBe(reason);
  });

  it('and models whose requests may', () => {
    expect(unbatchable(modelSignature(perceptron()), rowMeetings(perceptron()))).toBeUndefined();
    expect(unbatchable({ inputs: [spec('x', [-1, 4])], outputs: [spec('y', [-1])] }, [])).toBeUndefined();
    expect(unbatchable(modelSignature(slow()), rowMeetings(slow()))).toMatch(/is not variable/);
  });
});

describe('runs that must go alone', () => {
  const x = perceptronInput(2);
  it.each<[string, readonly Tensor[]]>([
    ['without inputs', []],
    ['without rows', [{ ...x, shape: [0, 4], elements: new Float32Array() }]],
    ['with elements that are not their shape’s', [{ ...x, shape: [3, 4] }]],
    ['with inputs of different batch sizes', [x, perceptronInput(3)]],
    ['of a scalar', [{ ...x, shape: [], elements: Float32Array.of(1) }]],
  ])('%s', (_, inputs) => {
    expect(rowsOf({ inputs, outputs: Y })).toBeUndefined();
  });
});

describe('requests that can share a run', () => {
  const run = { inputs: [perceptronInput(2)], outputs: Y };
  it('differ in their rows and elements only', () => {
    expect(canShareRun(run, { inputs: [perceptronInput(5, 3)], outputs: ['y'] })).toBe(true);
    const pruned = { ...run, thresholds: Float32Array.of(1) };
    expect(canShareRun(pruned, { ...pruned, thresholds: Float32Array.of(1) })).toBe(true);
  });

  it.each([
    ['thresholds', { ...run, thresholds: Float32Array.of(1) }],
    ['outputs', { ...run, outputs: ['y', 'z'] }],
    ['width', { ...run, inputs: [{ ...run.inputs[0]!, shape: [4, 2] }] }],
    ['rank', { ...run, inputs: [{ ...run.inputs[0]!, shape: [2, 4, 1] }] }],
    ['datatype', { ...run, inputs: [{ ...run.inputs[0]!, datatype: 'FP64' as const }] }],
    ['names', { ...run, inputs: [{ ...run.inputs[0]!, name: 'z' }] }],
    ['number of inputs', { ...run, inputs: [...run.inputs, ...run.inputs] }],
  ])('have the same %s', (_, other) => {
    expect(canShareRun(run, other)).toBe(false);
    expect(canShareRun(other, run)).toBe(false);
  });
});

describe('joining and splitting', () => {
  const words = fc.array(fc.uint8Array({ maxLength: 5 }), { minLength: 3, maxLength: 3 });
  it('gives each request its own rows back, of numbers and of bytes', () => {
    const requests = fc.array(
      fc.integer({ min: 1, max: 4 }).chain((rows) =>
        fc.record({
          rows: fc.constant(rows),
          numbers: fc.float32Array({ minLength: 2 * rows, maxLength: 2 * rows }),
          words: fc.array(words, { minLength: rows, maxLength: rows }),
        }),
      ),
      { minLength: 1, maxLength: 6 },
    );
    fc.assert(
      fc.property(requests, (all) => {
        const runs = all.map(({ rows, numbers, words }) => ({
          outputs: Y,
          inputs: [
            { name: 'x', datatype: 'FP32', shape: [rows, 2], elements: numbers },
            { name: 'w', datatype: 'BYTES', shape: [rows, 3, 1], elements: words.flat() },
          ] as const satisfies Tensor[],
        }));
        const one = joined(runs);
        const total = all.reduce((sum, { rows }) => sum + rows, 0);
        expect(one.inputs.map(({ shape }) => shape)).toEqual([
          [total, 2],
          [total, 3, 1],
        ]);
        const parts = split(
          one.inputs,
          all.map(({ rows }) => rows),
        )!;
        expect(parts).toEqual(runs.map(({ inputs }) => inputs));
        for (const [i, part] of parts.entries()) expect(areSameAnswers(part, runs[i]!.inputs)).toBe(true);
      }),
    );
  });

  it('splits nothing that has other rows than the requests', () => {
    expect(split([floats([2, 1], 1, 2)], [1, 2])).toBeUndefined();
    expect(split([floats([], 1)], [1])).toBeUndefined();
  });
});

describe('the same answer', () => {
  const half = (...bits: readonly number[]): Tensor => ({
    ...floats([bits.length]),
    datatype: 'FP16',
    elements: Uint16Array.from(bits),
  });
  const whole = (...values: readonly bigint[]): Tensor => ({
    ...floats([values.length]),
    datatype: 'INT64',
    elements: BigInt64Array.from(values),
  });
  it.each<[boolean, Tensor, Tensor]>([
    [true, floats([3], 1, Number.NaN, Infinity), floats([3], 1.00005, Number.NaN, Infinity)],
    [true, floats([2], 0, 2000), floats([2], -0, 2000.1)],
    [false, floats([1], 1), floats([1], 1.001)],
    [false, floats([1], 1), floats([1], Number.NaN)],
    [false, floats([1], Infinity), floats([1], -Infinity)],
    [false, floats([1, 1], 1), floats([1], 1)],
    [true, half(0x3c00), half(0x3c01)],
    [false, half(0x3c00), half(0x3d00)],
    [true, whole(7n), whole(7n)],
    [false, whole(7n), whole(8n)],
  ])('%s: case %#', (isSame, a, b) => {
    expect(areSameAnswers([a], [b])).toBe(isSame);
  });
});
