// Weights that are stored as float16 and expanded by a Cast are constants of the layer that reads them.
import { describe, expect, it } from 'vitest';
import { indexGraph } from '../../../src/onnx/graph.ts';
import { type DecodedModel, decodeModel, encodeModel } from '../../../src/onnx/model-file.ts';
import { linearOperators } from '../../../src/onnx/sparse/operators.ts';
import { sparsify } from '../../../src/onnx/sparse/sparsify.ts';
import { nativeRun, openedAddon, plainRun } from '../../native/opened.ts';
import { FLOAT, FLOAT16, model, node, tensor, value } from '../models.ts';

const values = (count: number): number[] =>
  Array.from({ length: count }, (_, i) => (((i * 37) % 64) - 32) / 64);
const half = (name: string, dims: readonly number[]) =>
  tensor(`${name}_half`, dims, values(dims.reduce((a, n) => a * n)), FLOAT16);
const cast = (name: string) => node('Cast', [`${name}_half`], name, { to: BigInt(FLOAT) });

const network = decodeModel(
  encodeModel(
    model({
      nodes: [
        ...['w', 'b', 'v', 'c'].map(cast),
        node('Relu', ['x'], 'a'),
        node('Conv', ['a', 'w', 'b'], 'd', { pads: [1n, 1n, 1n, 1n] }),
        node('Relu', ['d'], 'e'),
        node('Flatten', ['e'], 'f'),
        node('MatMul', ['f', 'v'], 'g'),
        node('Add', ['g', 'c'], 'y'),
      ],
      inputs: [value('x', ['n', 3, 4, 4])],
      outputs: [value('y')],
      initializers: [half('w', [5, 3, 3, 3]), half('b', [5]), half('v', [80, 7]), half('c', [7])],
    }) as DecodedModel,
  ),
);

describe('weights stored as float16', () => {
  it('serve sparse layers, which answer as the dense ones do', async () => {
    const { sparse, dense } = linearOperators(network, indexGraph(network), []);
    expect(dense).toEqual([]);
    expect(sparse.map(({ weight }) => weight)).toEqual([
      [5, 3, 3, 3],
      [80, 7],
    ]);
    const rewritten = decodeModel(sparsify(network, [], sparse).bytes);
    expect(rewritten.graph.node.map(({ opType }) => opType)).not.toContain('Add');
    const x = { name: 'x', shape: [2, 3, 4, 4], values: Float32Array.from(values(96)) };
    const thresholds = { name: 'taustat_threshold', shape: [0], values: new Float32Array(0) };
    const expected = await plainRun(network, [x]);
    const actual = nativeRun(openedAddon(), rewritten, [x, thresholds]);
    expect(actual.shape).toEqual(expected.shape);
    expected.values.forEach((v, i) => {
      expect((actual.values as Float32Array)[i]).toBeCloseTo(v, 4);
    });
  });
});
