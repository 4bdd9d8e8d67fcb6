import type { NodeProto } from 'onnx-buf';
import { expect, it } from 'vitest';
import { indexGraph } from '../../src/onnx/graph.ts';
import { ranks } from '../../src/onnx/ranks.ts';
import { INT64, model, node, tensor, value } from './models.ts';

function rankAfter(nodes: readonly NodeProto[], opset = 17): number | undefined {
  const source = model(
    {
      nodes,
      inputs: [value('x', ['N', 3, 4, 5]), value('ids', ['N', 'T'], INT64), value('free')],
      outputs: [value('y')],
      initializers: [
        tensor('i', [], [0], INT64),
        tensor('zero', [1], [0], INT64),
        tensor('two', [1], [2], INT64),
        tensor('three', [1], [3], INT64),
        tensor('minus1', [1], [-1], INT64),
        tensor('axes', [2], [1, 2], INT64),
        tensor('shape', [3], [1, 2, -1], INT64),
        tensor('table', [10, 7], new Array<number>(70).fill(0)),
        tensor('bias', [5], new Array<number>(5).fill(0)),
      ],
    },
    opset,
  );
  if (source.graph === undefined) throw new Error('no graph');
  return ranks(source.graph, indexGraph(source)).get('y');
}

it.each<readonly [string, readonly NodeProto[], number | undefined]>([
  ['elementwise', [node('Relu', ['x'], 'y')], 4],
  ['broadcast', [node('Add', ['bias', 'x'], 'y')], 4],
  ['broadcast with an unknown', [node('Add', ['free', 'x'], 'y')], undefined],
  ['Gemm', [node('Gemm', ['free', 'table'], 'y')], 2],
  ['MatMul', [node('MatMul', ['x', 'table'], 'y')], 4],
  ['MatMul with a vector', [node('MatMul', ['x', 'bias'], 'y')], undefined],
  ['Gather', [node('Gather', ['table', 'ids'], 'y')], 3],
  ['Gather of a scalar', [node('Gather', ['x', 'i'], 'y')], 3],
  ['Flatten', [node('Flatten', ['free'], 'y')], 2],
  ['Reshape', [node('Reshape', ['free', 'shape'], 'y')], 3],
  ['Reshape to a shape', [node('Shape', ['x'], 's'), node('Reshape', ['free', 's'], 'y')], 4],
  [
    'Reshape to joined parts',
    [
      node('Shape', ['x'], 's'),
      node('Gather', ['s', 'i'], 'n'),
      node('Unsqueeze', ['n', 'zero'], 'n1'),
      node('Concat', ['n1', 'two', 'minus1'], 'joined', { axis: 0n }),
      node('Reshape', ['x', 'joined'], 'y'),
    ],
    3,
  ],
  [
    'Reshape to a slice',
    [
      node('Shape', ['x'], 's'),
      node('Slice', ['s', 'zero', 'minus1'], 'front'),
      node('Reshape', ['free', 'front'], 'y'),
    ],
    3,
  ],
  ['Reshape to something computed', [node('Reshape', ['x', 'ids'], 'y')], undefined],
  ['Unsqueeze', [node('Unsqueeze', ['x', 'axes'], 'y')], 6],
  ['Squeeze', [node('Squeeze', ['x', 'axes'], 'y')], 2],
  ['Squeeze of what is 1', [node('Squeeze', ['x'], 'y')], undefined],
  ['ReduceMean', [node('ReduceMean', ['x'], 'y', { axes: [2n, 3n], keepdims: 0n })], 2],
  ['ReduceMean that keeps', [node('ReduceMean', ['x'], 'y', { axes: [2n, 3n] })], 4],
  ['ReduceSum by input', [node('ReduceSum', ['x', 'axes'], 'y', { keepdims: 0n })], 2],
  ['ReduceSum of all', [node('ReduceSum', ['x'], 'y', { keepdims: 0n })], 0],
  ['Expand', [node('Expand', ['bias', 'shape'], 'y')], 3],
  ['LSTM', [node('LSTM', ['free', 'table', 'table'], ['seq', 'y'])], 3],
  ['Split', [node('Split', ['x'], ['part', 'y'])], 4],
  ['Concat with an unknown', [node('Concat', ['free', 'x'], 'y', { axis: 1n })], 4],
  ['an operator that is not known', [node('Mystery', ['x'], 'y', {}, { domain: 'com.example' })], undefined],
])('%s', (_, nodes, rank) => {
  expect(rankAfter(nodes)).toBe(rank);
});

it('early Slice and Unsqueeze, whose bounds are attributes', () => {
  const nodes = [
    node('Shape', ['x'], 's'),
    node('Slice', ['s'], 'front', { starts: [0n], ends: [2n] }),
    node('Reshape', ['free', 'front'], 'r'),
    node('Unsqueeze', ['r'], 'y', { axes: [0n, 1n] }),
  ];
  expect(rankAfter(nodes, 9)).toBe(4);
});
