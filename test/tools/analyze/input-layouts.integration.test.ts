// Models whose inputs are not rows along axis 0: each is compared with one whose are, or with arithmetic in JavaScript.
import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { encodeModel } from '../../../src/onnx/model-file.ts';
import { npzOf } from '../../../src/protocol/npz.ts';
import type { Analysis } from '../../../src/tools/analyze/analysis.ts';
import { analyze } from '../../../src/tools/analyze/analyze.ts';
import { doctor } from '../../../src/tools/doctor/doctor.ts';
import type { NpyArray } from '../../../src/tools/inputs/npy.ts';
import { model, node, tensor, value } from '../../onnx/models.ts';

const [IN, HIDDEN, ROWS] = [4, 3, 96];
const thresholds = [0.0513, 0.2017, 0.5011, 1.0007];
/** The products and sums before the nonlinearity would be sites, too. */
const sites = { include: ['relu'] };
/** Numbers in [−1, 1) without a pattern. */
const number = (i: number): number => ((i * 7919 + 13) % 1000) / 500 - 1;
const numbers = (count: number, from = 0) => Float32Array.from({ length: count }, (_, i) => number(i + from));
const W = numbers(IN * HIDDEN, 50);
const U = numbers(HIDDEN * HIDDEN, 90);
const V = numbers(HIDDEN * HIDDEN, 120);
const X = numbers(ROWS * IN);

const array = (shape: number[], elements: NpyArray['elements']): NpyArray => ({
  path: 'memory',
  shape,
  dtype: 'f4',
  elements,
});

async function saved(source: Parameters<typeof encodeModel>[0]): Promise<string> {
  const path = join(await mkdtemp(join(tmpdir(), 'taustat-layout-')), 'tiny.onnx');
  await writeFile(path, encodeModel(source));
  return path;
}

/** y = Relu(x · W) · V, x of any shape [..., 4]. */
const layer = (...shape: (number | string)[]) =>
  saved(
    model({
      nodes: [node('MatMul', ['x', 'w'], 'a'), node('Relu', ['a'], 'r'), node('MatMul', ['r', 'v'], 'y')],
      inputs: [value('x', [...shape, IN])],
      outputs: [value('y', [...shape, HIDDEN])],
      initializers: [tensor('w', [IN, HIDDEN], [...W]), tensor('v', [HIDDEN, HIDDEN], [...V])],
    }),
  );

/** The activations of `layer`. */
const RELU = Array.from({ length: ROWS * HIDDEN }, (_, i) => {
  const [row, k] = [Math.floor(i / HIDDEN), i % HIDDEN];
  let sum = 0;
  for (let j = 0; j < IN; j++) sum += X[row * IN + j]! * W[j * HIDDEN + k]!;
  return Math.max(0, sum);
});

/** β at each threshold: share of the nonzero activations below it. */
function sparsityOf(activations: readonly number[]): number[] {
  const nonzero = activations.filter((a) => a > 0);
  return thresholds.map((t) => nonzero.filter((a) => a < t).length / nonzero.length);
}

function expectSparsity({ renormalized }: Analysis, expected: readonly number[]): void {
  for (const [k, sparsity] of expected.entries()) expect(renormalized.sparsity[k]).toBeCloseTo(sparsity, 9);
}

it('rows along axis 0 give the sparsity of the activations', async () => {
  const analysis = await analyze({
    model: await layer('batch'),
    inputs: { x: array([ROWS, IN], X) },
    thresholds,
  });
  expect(analysis.rows).toBe(ROWS);
  expectSparsity(analysis, sparsityOf(RELU));
});

it('rows along another axis, named by the model or given, give the same', async () => {
  const steps = 6;
  const rows = ROWS / steps;
  // [row, step] of the array in memory becomes [step, row].
  const turned = Float32Array.from({ length: X.length }, (_, i) => {
    const [step, row, j] = [Math.floor(i / (rows * IN)), Math.floor(i / IN) % rows, i % IN];
    return X[(row * steps + step) * IN + j]!;
  });
  const inputs = { x: array([steps, rows, IN], turned) };
  const named = await analyze({ model: await layer('time', 'batch'), inputs, thresholds });
  const given = await analyze({
    model: await layer('a', 'b'),
    inputs,
    thresholds,
    batchAxes: ['1'],
  });
  for (const analysis of [named, given]) {
    expect(analysis.rows).toBe(rows);
    expectSparsity(analysis, sparsityOf(RELU));
  }
});

it('a fixed batch runs whole batches, in analyze and in doctor', async () => {
  const inputs = { x: array([ROWS, IN], X) };
  const path = await layer(8);
  expectSparsity(await analyze({ model: path, inputs, thresholds }), sparsityOf(RELU));
  const { layers, batches } = await doctor({ model: path, threshold: 0.2, batches: [1, 16] });
  expect(layers.map(({ op }) => op)).toEqual(['MatMul', 'MatMul']);
  expect(batches.map(({ rows }) => rows)).toEqual([8]);
}, 120_000);

it('a scalar is the same in every run, and an array of scalars has one for each', async () => {
  const path = await saved(
    model({
      nodes: [
        node('MatMul', ['x', 'w'], 'a'),
        node('Mul', ['a', 's'], 'b'),
        node('Relu', ['b'], 'r', {}, { name: 'relu' }),
        node('MatMul', ['r', 'v'], 'y'),
      ],
      inputs: [value('x', ['batch', IN]), value('s', [])],
      outputs: [value('y', ['batch', HIDDEN])],
      initializers: [tensor('w', [IN, HIDDEN], [...W]), tensor('v', [HIDDEN, HIDDEN], [...V])],
    }),
  );
  const shared = await analyze({
    model: path,
    inputs: { x: array([ROWS, IN], X), s: array([], Float32Array.of(2)) },
    thresholds,
    sites,
  });
  expectSparsity(shared, sparsityOf(RELU.map((a) => 2 * a)));
  const scales = Float32Array.from({ length: ROWS }, (_, row) => (row % 2 === 0 ? 1 : 4));
  const own = await analyze({
    model: path,
    inputs: { x: array([ROWS, 1, IN], X), s: array([ROWS], scales) },
    thresholds,
    sites,
  });
  expect(own.rows).toBe(ROWS);
  expectSparsity(own, sparsityOf(RELU.map((a, i) => a * scales[Math.floor(i / HIDDEN)]!)));
});

/** r = Relu(x · W + h), h_next = r · U, y = r · V. */
const recurrent = () =>
  saved(
    model({
      nodes: [
        node('MatMul', ['x', 'w'], 'a'),
        node('Add', ['a', 'h'], 'b'),
        node('Relu', ['b'], 'r', {}, { name: 'relu' }),
        node('MatMul', ['r', 'u'], 'h_next'),
        node('MatMul', ['r', 'v'], 'y'),
      ],
      inputs: [value('x', ['batch', IN]), value('h', ['batch', HIDDEN])],
      outputs: [value('y', ['batch', HIDDEN]), value('h_next', ['batch', HIDDEN])],
      initializers: [
        tensor('w', [IN, HIDDEN], [...W]),
        tensor('u', [HIDDEN, HIDDEN], [...U]),
        tensor('v', [HIDDEN, HIDDEN], [...V]),
      ],
    }),
  );

/** The activations of `recurrent` over all rows, one after the other. */
function states(initial: readonly number[], sequenceRows: number): number[] {
  const all: number[] = [];
  let h = initial;
  for (let row = 0; row < ROWS; row++) {
    if (row % sequenceRows === 0) h = initial;
    const before = h;
    const r = Array.from({ length: HIDDEN }, (_, k) => {
      let sum = before[k]!;
      for (let j = 0; j < IN; j++) sum += X[row * IN + j]! * W[j * HIDDEN + k]!;
      return Math.max(0, sum);
    });
    all.push(...r);
    h = Array.from({ length: HIDDEN }, (_, k) => r.reduce((sum, a, j) => sum + a * U[j * HIDDEN + k]!, 0));
  }
  return all;
}

it('recurrent state flows from run to run, from zero or from a given value, by sequences', async () => {
  const path = await recurrent();
  const x = array([ROWS, IN], X);
  const state = ['h=h_next'];
  const endless = await analyze({ model: path, inputs: { x }, state, thresholds, sites, workers: 2 });
  expect(endless.rows).toBe(ROWS);
  expectSparsity(endless, sparsityOf(states([0, 0, 0], ROWS)));
  const first = [1, 0.5, 2];
  const inSequences = await analyze({
    model: path,
    inputs: { x, h: array([1, HIDDEN], Float32Array.from(first)) },
    state,
    sequence: 8,
    thresholds,
    sites,
  });
  expectSparsity(inSequences, sparsityOf(states(first, 8)));
  await expect(analyze({ model: path, inputs: { x } })).rejects.toThrow(
    "input 'h' is missing: give --inputs h=x.npy, or --state h=OUTPUT",
  );
});

it('requests of different sizes run as they came, from an .npz file', async () => {
  const requests: {
    number: number;
    inputs: { name: string; datatype: 'FP32'; shape: number[]; elements: Float32Array }[];
  }[] = [];
  for (let from = 0; from < ROWS; ) {
    const rows = Math.min(1 + (requests.length % 5), ROWS - from);
    const elements = X.slice(from * IN, (from + rows) * IN);
    requests.push({
      number: 7 + requests.length,
      inputs: [{ name: 'x', datatype: 'FP32', shape: [rows, IN], elements }],
    });
    from += rows;
  }
  const path = join(await mkdtemp(join(tmpdir(), 'taustat-npz-')), 'recorded.npz');
  await writeFile(path, Buffer.concat([...npzOf(requests)]));
  const analysis = await analyze({ model: await layer('batch'), inputs: [path], thresholds });
  expect(analysis.rows).toBe(ROWS);
  expectSparsity(analysis, sparsityOf(RELU));
});
