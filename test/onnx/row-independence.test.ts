import { readFileSync } from 'node:fs';
import type { NodeProto, TensorProto } from 'onnx-buf';
import { describe, expect, it } from 'vitest';
import { decodeModel, encodeModel } from '../../src/onnx/model-file.ts';
import { rowMeetings } from '../../src/onnx/row-independence.ts';
import { graph, INT64, model, node, tensor, value } from './models.ts';
import { ort } from './ort.ts';

const ramp = (count: number) => Array.from({ length: count }, (_, i) => ((i * 7) % 11) / 5 - 1);
const ints = (name: string, ...values: readonly number[]) => tensor(name, [values.length], values, INT64);
const CONSTANTS: readonly TensorProto[] = [
  tensor('w', [6, 5], ramp(30)),
  tensor('w4', [4, 4], ramp(16)),
  tensor('wide', [24, 2], ramp(48)),
  tensor('bias', [6], ramp(6)),
  tensor('one', [], [1.5]),
  tensor('table', [4, 6], ramp(24)),
  tensor('kernel', [3, 4, 3], ramp(36)),
  tensor('perRow', [3, 1, 1], ramp(3)),
  tensor('lstmW', [1, 8, 6], ramp(48)),
  tensor('lstmR', [1, 8, 2], ramp(16)),
  ints('0', 0),
  ints('1', 1),
  ints('-1', -1),
  ints('2', 2),
  ints('keep', 0, -1),
  ints('fold', -1, 6),
  ints('whole', -1, 24),
  ints('tail', 6, 4),
  ints('pads', 0, 1, 0, 0, 0, 0),
  ints('padsRows', 1, 0, 0, 0, 0, 0),
  ints('repeats', 1, 2, 1),
  ints('repeatsRows', 2, 1, 1),
  tensor('axis0', [], [0], INT64),
  tensor('axis1', [], [1], INT64),
];

/** x [N, 4, 6] → y. */
const source = (nodes: readonly NodeProto[], opset = 17) =>
  model({ nodes, inputs: [value('x', ['N', 4, 6])], outputs: [value('y')], initializers: CONSTANTS }, opset);

async function answersTo(
  bytes: Uint8Array,
  rows: number,
  elements: Float32Array,
): Promise<{ data: number[]; dims: readonly number[] }> {
  const session = await ort.InferenceSession.create(bytes, { logSeverityLevel: 4 });
  const { y } = await session.run({ x: new ort.Tensor('float32', elements, [rows, 4, 6]) });
  return { data: Array.from(y!.data as ArrayLike<number | bigint>, Number), dims: y!.dims };
}

/** Three rows together, and each alone. */
async function expectIndependent(nodes: readonly NodeProto[], opset?: number): Promise<void> {
  const bytes = encodeModel(source(nodes, opset));
  const x = Float32Array.from({ length: 72 }, (_, i) => Math.sin(i * 1.7) * (1 + Math.floor(i / 24)));
  const together = await answersTo(bytes, 3, x);
  expect(together.dims[0]).toBe(3);
  const alone: number[] = [];
  for (let row = 0; row < 3; row++)
    alone.push(...(await answersTo(bytes, 1, x.slice(row * 24, row * 24 + 24))).data);
  expect(together.data).toHaveLength(alone.length);
  for (const [i, expected] of alone.entries()) expect(together.data[i]).toBeCloseTo(expected, 4);
}

describe('rows that stay apart: no node is named, and answers together are those alone', () => {
  it.each<[string, readonly NodeProto[], number?]>([
    [
      'elementwise',
      [node('Add', ['x', 'bias'], 'a'), node('Relu', ['a'], 'b'), node('Mul', ['b', 'x'], 'y')],
    ],
    ['MatMul', [node('MatMul', ['x', 'w'], 'y')]],
    ['a weight on the left', [node('MatMul', ['w4', 'x'], 'y')]],
    [
      'attention',
      [
        node('Transpose', ['x'], 't', { perm: [0n, 2n, 1n] }),
        node('MatMul', ['x', 't'], 's'),
        node('Softmax', ['s'], 'p'),
        node('MatMul', ['p', 'x'], 'y'),
      ],
    ],
    ['Flatten and Gemm', [node('Flatten', ['x'], 'f'), node('Gemm', ['f', 'wide'], 'y')]],
    ['Conv and pooling', [node('Conv', ['x', 'kernel'], 'c'), node('GlobalAveragePool', ['c'], 'y')]],
    ['Softmax of opset 11', [node('Softmax', ['x'], 'y', { axis: 1n })], 11],
    ['LayerNormalization', [node('LayerNormalization', ['x', 'bias'], 'y')]],
    ['ReduceMean over another axis', [node('ReduceMean', ['x'], 'y', { axes: [-2n], keepdims: 0n })]],
    ['ArgMax', [node('ArgMax', ['x'], 'i', { axis: -1n }), node('Cast', ['i'], 'y', { to: 1n })]],
    ['Reshape that keeps the rows', [node('Reshape', ['x', 'keep'], 'y')]],
    ['Reshape to −1 of the size of a row', [node('Reshape', ['x', 'whole'], 'y')]],
    [
      'Reshape to the number of rows',
      [
        node('Shape', ['x'], 'shape'),
        node('Gather', ['shape', 'axis0'], 'n'),
        node('Unsqueeze', ['n', '0'], 'n1'),
        node('Concat', ['n1', 'tail'], 'to', { axis: 0n }),
        node('Reshape', ['x', 'to'], 'y'),
      ],
    ],
    ['Squeeze, Unsqueeze', [node('Unsqueeze', ['x', '1'], 'u'), node('Squeeze', ['u', '1'], 'y')]],
    [
      'Slice, Split, Concat',
      [
        node('Slice', ['x', '0', '2', '1'], 's'),
        node('Concat', ['s', 'x'], 'c', { axis: 1n }),
        node('Split', ['c'], ['y', 'z'], { axis: 2n }),
      ],
    ],
    ['Gather of another axis', [node('Gather', ['x', 'axis1'], 'y', { axis: 1n })]],
    [
      'an embedding',
      [node('ArgMax', ['x'], 'i', { axis: 1n, keepdims: 0n }), node('Gather', ['table', 'i'], 'y')],
    ],
    ['TopK over another axis', [node('TopK', ['x', '2'], ['y', 'i'])]],
    ['CumSum over another axis', [node('CumSum', ['x', 'axis1'], 'y')]],
    ['Pad and Tile', [node('Pad', ['x', 'pads'], 'p'), node('Tile', ['p', 'repeats'], 'y')]],
    [
      'Expand to the rows',
      [node('Shape', ['x'], 'shape'), node('Expand', ['bias', 'shape'], 'e'), node('Add', ['e', 'x'], 'y')],
    ],
    ['Einsum', [node('Einsum', ['x', 'w'], 'y', { equation: 'bij,jk->bik' })]],
    [
      'LSTM with the steps first',
      [
        node('Transpose', ['x'], 't', { perm: [1n, 0n, 2n] }),
        node('LSTM', ['t', 'lstmW', 'lstmR'], ['seq', 'h'], { hidden_size: 2n }),
        node('Transpose', ['h'], 'y', { perm: [1n, 0n, 2n] }),
      ],
    ],
  ])('%s', async (_, nodes, opset) => {
    expect(rowMeetings(source(nodes, opset))).toEqual([]);
    await expectIndependent(nodes, opset);
  });
});

describe('rows that can meet: the node and why', () => {
  const body = graph({ nodes: [node('Relu', ['x'], 'b')], inputs: [], outputs: [value('b')] });
  it.each<[string, readonly NodeProto[], RegExp, number?]>([
    [
      'DynamicQuantizeLinear',
      [node('DynamicQuantizeLinear', ['x'], ['y', 's', 'z'])],
      /one scale for all rows/,
    ],
    ['Softmax', [node('Softmax', ['x'], 'y', { axis: 0n })], /over the axis of the rows/],
    ['Softmax', [node('Softmax', ['x'], 'y', { axis: -3n })], /over the axis of the rows/],
    ['Softmax', [node('Softmax', ['x'], 'y', { axis: 0n })], /over the axis of the rows/, 11],
    ['ReduceMean', [node('ReduceMean', ['x'], 'y', { axes: [0n] })], /over the axis of the rows/],
    ['ReduceSum', [node('ReduceSum', ['x'], 'y')], /over the axis of the rows/],
    ['ArgMax', [node('ArgMax', ['x'], 'y')], /over the axis of the rows/],
    [
      'LayerNormalization',
      [node('LayerNormalization', ['x', 'one'], 'y', { axis: 0n })],
      /over the axis of the rows/,
    ],
    [
      'BatchNormalization',
      [node('BatchNormalization', ['x', 'b', 'b', 'b', 'b'], 'y', { training_mode: 1n })],
      /statistics/,
    ],
    ['Reshape', [node('Reshape', ['x', 'fold'], 'y')], /folded/],
    ['Flatten', [node('Flatten', ['x'], 'y', { axis: 2n })], /folded/],
    ['TopK', [node('TopK', ['x', '1'], ['y', 'i'], { axis: 0n })], /over the axis of the rows/],
    ['CumSum', [node('CumSum', ['x', 'axis0'], 'y')], /over the axis of the rows/],
    ['Unique', [node('Unique', ['x'], 'y')], /among all rows/],
    ['NonZero', [node('NonZero', ['x'], 'y')], /counted over all rows/],
    ['Gather', [node('Gather', ['x', '0'], 'y')], /over the axis of the rows/],
    ['Slice', [node('Slice', ['x', '0', '1'], 'y')], /over the axis of the rows/],
    ['Concat', [node('Concat', ['x', 'x'], 'y', { axis: 0n })], /over the axis of the rows/],
    ['Split', [node('Split', ['x'], ['y', 'z'])], /over the axis of the rows/],
    ['Squeeze', [node('Squeeze', ['x'], 'y')], /one row would lose its axis/],
    ['Pad', [node('Pad', ['x', 'padsRows'], 'y')], /over the axis of the rows/],
    ['Tile', [node('Tile', ['x', 'repeatsRows'], 'y')], /folded/],
    ['Add', [node('Add', ['x', 'perRow'], 'y')], /a constant has an axis where the rows are/],
    [
      'Add',
      [node('Transpose', ['x'], 't', { perm: [1n, 0n, 2n] }), node('Add', ['t', 'x'], 'y')],
      /rows meet other axes/,
    ],
    [
      'MatMul',
      [node('Transpose', ['x'], 't'), node('MatMul', ['t', 'x'], 'y')],
      /sum over the rows|rows are multiplied/,
    ],
    [
      'Mul',
      [
        node('Shape', ['x'], 's'),
        node('Cast', ['s'], 'f', { to: 1n }),
        node('ReduceMax', ['f'], 'm', { keepdims: 0n }),
        node('Mul', ['x', 'm'], 'y'),
      ],
      /number of rows|nothing is known/,
    ],
    ['output', [node('Transpose', ['x'], 'y', { perm: [1n, 0n, 2n] })], /not along dimension 0/],
    ['output', [node('Identity', ['w'], 'y')], /not along dimension 0/],
    ['If', [node('If', ['one'], 'y', { then_branch: body, else_branch: body })], /not followed/],
    ['com.example.Mystery', [node('Mystery', ['x'], 'y', {}, { domain: 'com.example' })], /nothing is known/],
    ['RandomNormalLike', [node('RandomNormalLike', ['x'], 'y')], /random/],
  ])('%s', (op, nodes, reason, opset) => {
    const [meeting, ...others] = rowMeetings(source(nodes, opset));
    expect(others).toEqual([]);
    expect(meeting?.reason).toMatch(reason);
    if (op !== 'Mul') expect(meeting).toMatchObject({ op, node: 'y' });
  });

  it('of a model whose scale depends on the largest of all rows', () => {
    const bytes = readFileSync(new URL('./rows-meet.onnx', import.meta.url));
    expect(rowMeetings(decodeModel(bytes))).toMatchObject([{ op: 'DynamicQuantizeLinear' }]);
  });

  it('names every node at which they meet, and none that only follows', () => {
    const nodes = [
      node('Softmax', ['x'], 'a', { axis: 0n }),
      node('Softmax', ['a'], 'b', { axis: 0n }),
      node('ReduceSum', ['x'], 'c'),
      node('Add', ['b', 'c'], 'y'),
    ];
    expect(rowMeetings(source(nodes)).map(({ op }) => op)).toEqual(['Softmax', 'ReduceSum']);
  });
});
