// Gates with thresholds per row: a batch of requests, each at thresholds of its own, is answered as each would be alone.
import { readFileSync } from 'node:fs';
import type { Tensor } from 'onnxruntime-node';
import { describe, expect, it } from 'vitest';
import { entryOf } from '../../bench/zoo/entries.mjs';
import { bundledModel } from '../../src/config/bundled-model.ts';
import { descriptionIn, readDescription } from '../../src/onnx/description.ts';
import { instrument } from '../../src/onnx/instrument.ts';
import { decodeModel, encodeModel } from '../../src/onnx/model-file.ts';
import { modelSignature } from '../../src/onnx/signature.ts';
import { upstreamExport } from '../../src/tools/export/upstream-export.ts';
import { perceptron } from '../runtime/small-models.ts';
import { smallCnn } from '../small-cnn.ts';
import { model, node, tensor, value } from './models.ts';
import { ort } from './ort.ts';
import { floats, numbers, run } from './reference.ts';

const ROWS = 4;
const MODELS: readonly (readonly [string, () => Uint8Array])[] = [
  ['two products', () => encodeModel(perceptron())],
  ['a convolutional network', () => readFileSync(smallCnn('model.onnx'))],
  ['the bundled model', () => readFileSync(bundledModel('model.onnx'))],
  ['a network with a recurrent layer', () => readFileSync(entryOf('brown-lstm').model)],
  ['a transformer', () => readFileSync(entryOf('brown-bert').model)],
  ['rows along another axis', () => encodeModel(transposed())],
];

describe.each(MODELS)('thresholds per row, %s', (_, read) => {
  it('prune each row at its own, as a request alone is pruned', async () => {
    const plain = read();
    const { bytes, sites, unbatchable } = upstreamExport(plain, { scheme: 'activations' });
    expect(unbatchable).toBeUndefined();
    expect(sites.length).toBeGreaterThan(0);
    const { inputs, outputs } = modelSignature(decodeModel(plain));
    const feeds = Object.fromEntries(inputs.map((spec, i) => [spec.name, feedOf(spec, ROWS, i + 1)]));
    const scales = [0, 0.05, 0.4, 3];
    const thresholds = scales.flatMap((scale) => sites.map((_, i) => scale * (1 + (i % 3))));
    const together = await run(bytes, {
      ...feeds,
      taustat_threshold: floats(thresholds, [ROWS, sites.length]),
    });
    const live = instrument(plain, { include: sites.map(({ name }) => name) });
    expect(live.sites.map(({ name }) => name)).toEqual(sites.map(({ name }) => name));
    for (let row = 0; row < ROWS; row++) {
      const own = thresholds.slice(row * sites.length, (row + 1) * sites.length);
      const alone = await run(live.bytes, {
        ...Object.fromEntries(Object.entries(feeds).map(([name, all]) => [name, rowOf(all, row)])),
        taustat_threshold: floats(own, [sites.length]),
      });
      for (const { name } of outputs)
        expect(distance(rowOf(together[name]!, row), alone[name]!)).toBeLessThan(1e-4);
      for (const { tap } of sites) {
        expect(together[tap]!.dims[0]).toBe(ROWS);
        const shown = rowOf(together[tap]!, row);
        expect(distance(sorted(shown), sorted(alone[tap]!))).toBeLessThan(1e-4);
      }
    }
  });
});

describe('an instrumented file', () => {
  it('tells its sites, and takes the thresholds last', () => {
    const plain = readFileSync(smallCnn('model.onnx'));
    const { bytes, sites, description, signature } = upstreamExport(plain, { scheme: 'activations' });
    const written = decodeModel(bytes);
    expect(readDescription(descriptionIn(written)!, 'file')).toEqual(description);
    expect(description.sites.map(({ name }) => name)).toEqual(sites.map(({ name }) => name));
    expect(signature.inputs.at(-1)).toEqual({
      name: 'taustat_threshold',
      datatype: 'FP32',
      shape: [-1, sites.length],
    });
    expect(signature.inputs[0]!.name).toBe('image');
    expect(() => readDescription('{"sites":1}', 'file')).toThrow(/file: not a description of sites/);
  });

  it('takes thresholds for all rows where rows meet', () => {
    const source = model({
      nodes: [
        node('MatMul', ['x', 'w'], 'h'),
        node('Relu', ['h'], 'r'),
        node('CumSum', ['r', 'axis'], 'c'),
        node('MatMul', ['c', 'w'], 'y'),
      ],
      inputs: [value('x', ['n', 3])],
      outputs: [value('y', ['n', 3])],
      initializers: [tensor('w', [3, 3], [1, 2, 3, 4, 5, 6, 7, 8, 9]), tensor('axis', [], [0], 7)],
    });
    const { unbatchable, signature, sites } = upstreamExport(encodeModel(source), { scheme: 'activations' });
    expect(unbatchable).toMatch(/CumSum/);
    expect(signature.inputs.at(-1)!.shape).toEqual([sites.length]);
  });
});

/** x [n, 3, 4] is turned to [3, n, 4] before its nonlinearity. */
function transposed() {
  return model({
    nodes: [
      node('Transpose', ['x'], 't', { perm: [1n, 0n, 2n] }),
      node('MatMul', ['t', 'w'], 'h'),
      node('Relu', ['h'], 'r'),
      node('MatMul', ['r', 'v'], 'z'),
      node('Transpose', ['z'], 'y', { perm: [1n, 0n, 2n] }),
    ],
    inputs: [value('x', ['n', 3, 4])],
    outputs: [value('y', ['n', 3, 2])],
    initializers: [
      tensor(
        'w',
        [4, 5],
        Array.from({ length: 20 }, (_, i) => ((i * 7) % 11) - 5),
      ),
      tensor(
        'v',
        [5, 2],
        Array.from({ length: 10 }, (_, i) => ((i * 3) % 5) - 2),
      ),
    ],
  });
}

function feedOf(
  { shape, datatype }: { readonly shape: readonly number[]; readonly datatype: string },
  rows: number,
  seed: number,
): Tensor {
  const dims = shape.map((size, axis) => (axis === 0 ? rows : size < 0 ? 8 : size));
  const count = dims.reduce((product, size) => product * size, 1);
  const at = (i: number) => (i * 7919 + seed * 104_729) % 97;
  if (datatype === 'INT64')
    return new ort.Tensor(
      'int64',
      BigInt64Array.from({ length: count }, (_, i) => BigInt(1 + (at(i) % 50))),
      dims,
    );
  return new ort.Tensor(
    'float32',
    Float32Array.from({ length: count }, (_, i) => at(i) / 48 - 1),
    dims,
  );
}

function rowOf(tensor: Tensor, row: number): Tensor {
  const dims = [1, ...tensor.dims.slice(1)];
  const size = tensor.size / tensor.dims[0]!;
  const data = (tensor.data as Float32Array).slice(row * size, (row + 1) * size);
  return new ort.Tensor(tensor.type as 'float32', data, dims);
}

function sorted(tensor: Tensor): Tensor {
  return floats(
    numbers(tensor).sort((a, b) => a - b),
    [tensor.size],
  );
}

/** Largest difference, relative to the largest value. */
function distance(a: Tensor, b: Tensor): number {
  const [x, y] = [numbers(a), numbers(b)];
  expect(x.length).toBe(y.length);
  const largest = Math.max(1, ...y.map(Math.abs));
  return Math.max(0, ...x.map((value, i) => Math.abs(value - y[i]!))) / largest;
}
