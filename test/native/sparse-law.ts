/**
 * The law of the sparse operators: what ONNX Runtime's own operator makes of the gated input, within 1e-5 of Σ|x·w|, and gated
 * itself where the output is a site.
 */

import { create } from '@bufbuild/protobuf';
import fc from 'fast-check';
import { type NodeProto, type TensorProto, TensorProtoSchema } from 'onnx-buf';
import { expect } from 'vitest';
import type { KernelName } from '../../src/runtime/local/native/addon.ts';
import { type AttributeValue, FLOAT, model, node, value } from '../onnx/models.ts';
import { type Floats, type FloatTensor, nativeRun, openedAddon, plainRun } from './opened.ts';

const TOLERANCE = 1e-5;
const DOMAIN = 'ai.taustat';

/** A generator of numbers that a seed makes again; 0 ≤ x < 1. */
export function randomOf(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

/** A constant as its bytes: as numbers one by one, large ones would take most of the time of a test. */
function constant(name: string, dims: readonly number[], values: Floats): TensorProto {
  const rawData = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
  return create(TensorProtoSchema, { name, dims: dims.map(BigInt), dataType: FLOAT, rawData });
}

interface Content {
  readonly seed: number;
  readonly density: number;
  readonly threshold: number;
  readonly outputThreshold: number;
  readonly hasSpecials: boolean;
  readonly hasBias: boolean;
  readonly hasResidual: boolean;
  readonly activation: 'none' | 'relu' | 'clip';
  readonly isOutputSite: boolean;
  readonly threads: number;
  /** Each row of the batch has thresholds of its own: these times 0, 1, or a half. */
  readonly isPerRow: boolean;
}

const content = {
  seed: fc.nat(),
  density: fc.oneof(fc.constantFrom(0, 0.03, 1), fc.double({ min: 0, max: 1, noNaN: true })),
  threshold: fc.oneof(fc.constant(0), fc.double({ min: 0.01, max: 1.5, noNaN: true }).map(Math.fround)),
  outputThreshold: fc.double({ min: 0.01, max: 1, noNaN: true }).map(Math.fround),
  hasSpecials: fc.integer({ min: 0, max: 4 }).map((n) => n === 0),
  hasBias: fc.boolean(),
  hasResidual: fc.boolean(),
  activation: fc.constantFrom('none' as const, 'relu' as const, 'clip' as const),
  isOutputSite: fc.boolean(),
  threads: fc.constantFrom(1, 1, 1, 3),
  isPerRow: fc.boolean(),
};

const size = (max: number): fc.Arbitrary<number> => fc.integer({ min: 1, max });

export interface ConvShape extends Content {
  readonly images: number;
  readonly channels: number;
  readonly height: number;
  readonly width: number;
  readonly columns: number;
  readonly kernel: readonly [number, number];
  readonly strides: readonly [number, number];
  readonly dilations: readonly [number, number];
  readonly pads: readonly [number, number, number, number];
  readonly isInputBordered: boolean;
  readonly isOutputBordered: boolean;
}

const pad = fc.integer({ min: 0, max: 3 });
const step = fc.constantFrom(1, 1, 1, 2, 3);

export const convShapes: fc.Arbitrary<ConvShape> = fc
  .record({
    ...content,
    images: size(3),
    channels: size(40),
    height: size(18),
    width: size(18),
    columns: fc.oneof(size(40), fc.integer({ min: 90, max: 140 })),
    kernel: fc.oneof(fc.constant([1, 1] as const), fc.constant([3, 3] as const), fc.tuple(size(5), size(5))),
    strides: fc.tuple(step, step),
    dilations: fc.tuple(step, step),
    pads: fc.oneof(
      fc.constantFrom([0, 0, 0, 0] as const, [1, 1, 1, 1] as const),
      fc.tuple(pad, pad, pad, pad),
    ),
    isInputBordered: fc.boolean(),
    isOutputBordered: fc.boolean(),
  })
  .filter(({ height, width, kernel, dilations, pads }) => {
    const reach = [0, 1].map((axis) => dilations[axis]! * (kernel[axis]! - 1) + 1);
    return height + pads[0] + pads[2] >= reach[0]! && width + pads[1] + pads[3] >= reach[1]!;
  });

export interface MatMulShape extends Content {
  readonly lead: readonly number[];
  readonly depth: number;
  readonly columns: number;
  readonly isTransposed: boolean;
  /** Which dimension of those that lead has the rows of the batch: modulo their number. */
  readonly rowAxis: number;
}

export const matMulShapes: fc.Arbitrary<MatMulShape> = fc.record({
  ...content,
  lead: fc.oneof(fc.constant([1]), fc.array(size(9), { minLength: 1, maxLength: 3 })),
  depth: fc.oneof(size(100), fc.integer({ min: 250, max: 700 })),
  columns: fc.oneof(size(40), fc.integer({ min: 90, max: 300 })),
  isTransposed: fc.boolean(),
  rowAxis: fc.nat(2),
});

interface Values {
  readonly x: Floats;
  readonly weights: Floats;
  readonly bias: Floats;
  readonly random: () => number;
}

function valuesOf(content: Content, inputs: number, weights: number, columns: number): Values {
  const random = randomOf(content.seed);
  const signed = (): number => 4 * (random() - 0.5);
  const x = Float32Array.from({ length: inputs }, () => {
    const u = random();
    if (u < 0.02) return random() < 0.5 ? content.threshold : -content.threshold;
    if (content.hasSpecials && u < 0.023)
      return [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY][Math.floor(3 * random())]!;
    return random() < content.density ? signed() : 0;
  });
  const w = Float32Array.from({ length: weights }, () => (random() < 0.05 ? 0 : signed()));
  const bias = Float32Array.from({ length: columns }, signed);
  return { x, weights: w, bias, random };
}

/** @param thresholdOf - of the row that an element belongs to. */
const gated = (values: Floats, thresholdOf: (element: number) => number): Floats =>
  values.map((x, i) => (Math.abs(x) < thresholdOf(i) ? 0 : x));

/** The row of the batch that an element of a tensor belongs to. */
function rowOf(element: number, shape: readonly number[], axis: number): number {
  const inner = shape.slice(axis + 1).reduce((product, n) => product * n, 1);
  return Math.floor(element / inner) % shape[axis]!;
}

/** One operator in two forms: a sparse node, and a dense one of the same inputs. */
interface Pair {
  readonly sparse: readonly NodeProto[];
  readonly dense: NodeProto;
  readonly content: Content;
  readonly inputs: readonly FloatTensor[];
  /** Where the residual comes in; an input of its own. */
  readonly residual: FloatTensor | undefined;
  readonly weights: { readonly dims: readonly number[]; readonly values: Floats };
  readonly bias: Floats;
  /** Of the input and of the output: the dimension of the batch. */
  readonly rowAxis: number;
}

function gateAttributes({ activation, isOutputSite }: Content): Record<string, AttributeValue> {
  return {
    input_site: 1n,
    output_site: isOutputSite ? 0n : -1n,
    activation,
    ...(activation === 'clip' ? { min: 0, max: 6 } : {}),
  };
}

async function check(
  kernels: KernelName,
  { sparse, dense, content, inputs, residual, weights, bias, rowAxis }: Pair,
): Promise<void> {
  const addon = openedAddon(kernels);
  const { threshold, outputThreshold, activation, isOutputSite, hasBias } = content;
  const declared = (all: readonly FloatTensor[]) => all.map(({ name, shape }) => value(name, shape));
  const input = inputs[0]!;
  const random = randomOf(content.seed + 1);
  const factors = Array.from({ length: content.isPerRow ? input.shape[rowAxis]! : 1 }, () =>
    content.isPerRow ? [0, 1, 1, 0.5][Math.floor(4 * random())]! : 1,
  );
  const factorOf = (element: number, shape: readonly number[]): number =>
    factors[content.isPerRow ? rowOf(element, shape, rowAxis) : 0]!;
  const thresholds: FloatTensor = {
    name: 'taustat_threshold',
    shape: content.isPerRow ? [factors.length, 2] : [2],
    values: Float32Array.from(factors.flatMap((factor) => [factor * outputThreshold, factor * threshold])),
  };
  const extra = residual === undefined ? [] : [residual];
  const constants = (w: Floats, b: Floats) => [
    constant('w', weights.dims, w),
    ...(hasBias ? [constant('b', [b.length], b)] : []),
  ];
  const sparseModel = model(
    {
      nodes: sparse,
      inputs: declared([...inputs, thresholds, ...extra]),
      outputs: [value('y')],
      initializers: constants(weights.values, bias),
    },
    17,
    [DOMAIN],
  );
  const got = nativeRun(addon, sparseModel, [...inputs, thresholds, ...extra], 'y', content.threads);
  const denseModel = (w: Floats, b: Floats) =>
    model({
      nodes: [dense],
      inputs: declared(inputs),
      outputs: [value('y')],
      initializers: constants(w, b),
    });
  const x = gated(input.values, (i) => Math.fround(factorOf(i, input.shape) * threshold));
  const reference = await plainRun(denseModel(weights.values, bias), [{ ...input, values: x }]);
  const finite = x.map((v) => (Number.isFinite(v) ? Math.abs(v) : 0));
  const magnitude = await plainRun(denseModel(weights.values.map(Math.abs), bias.map(Math.abs)), [
    { ...input, values: finite },
  ]);
  expect(got.shape).toEqual(reference.shape);
  const activate = (y: number): number => {
    if (activation === 'none') return y;
    return y < 0 ? 0 : activation === 'clip' && y > 6 ? 6 : y;
  };
  const values = got.values as Floats;
  for (let i = 0; i < values.length; i++) {
    const z = residual?.values[i] ?? 0;
    const y = reference.values[i]! + z;
    const slack = TOLERANCE * (magnitude.values[i]! + Math.abs(z)) + 1e-30;
    const v = values[i]!;
    if (Number.isNaN(y)) {
      if (!Number.isNaN(v)) throw new Error(`element ${i}: ${v}, expected NaN`);
      continue;
    }
    const low = activate(y - slack);
    const high = activate(y + slack);
    const cut = factorOf(i, got.shape) * outputThreshold;
    const isCut = isOutputSite && Math.min(Math.abs(low), Math.abs(high)) < cut;
    const isKept = !isOutputSite || Math.max(Math.abs(low), Math.abs(high)) >= cut;
    const isRight = (isCut && v === 0) || (isKept && v >= low && v <= high);
    if (!isRight) throw new Error(`element ${i}: ${v}, expected ${low} to ${high}`);
  }
}

/** @throws Error naming the first element that is wrong. */
export async function checkConv(kernels: KernelName, shape: ConvShape): Promise<void> {
  const { images, channels, height, width, columns, kernel, strides, dilations, pads } = shape;
  const dims = [columns, channels, ...kernel];
  const count = images * channels * height * width;
  const { x, weights, bias, random } = valuesOf(
    shape,
    count,
    columns * channels * kernel[0] * kernel[1],
    columns,
  );
  const geometry = {
    strides: strides.map(BigInt),
    pads: pads.map(BigInt),
    dilations: dilations.map(BigInt),
  };
  const b = shape.hasBias ? 'b' : '';
  const sizeOut = (axis: 0 | 1, length: number): number =>
    Math.floor(
      (length + pads[axis] + pads[axis + 2]! - dilations[axis] * (kernel[axis] - 1) - 1) / strides[axis],
    ) + 1;
  const outShape = [images, columns, sizeOut(0, height), sizeOut(1, width)];
  const residual = shape.hasResidual
    ? {
        name: 'z',
        shape: outShape,
        values: Float32Array.from({ length: outShape.reduce((a, n) => a * n) }, () => random() - 0.5),
      }
    : undefined;
  const { isInputBordered, isOutputBordered } = shape;
  const inDomain = { domain: DOMAIN };
  const from = isInputBordered ? 'xb' : 'x';
  const z = residual === undefined ? [] : [isOutputBordered ? 'zb' : 'z'];
  const sparse = [
    ...(isInputBordered ? [node('ToBordered', ['x'], 'xb', {}, inDomain)] : []),
    ...(residual !== undefined && isOutputBordered ? [node('ToBordered', ['z'], 'zb', {}, inDomain)] : []),
    node(
      'SparseConv',
      [from, 'w', b, 'taustat_threshold', ...z],
      isOutputBordered ? 'yb' : 'y',
      {
        ...geometry,
        ...gateAttributes(shape),
        input_layout: isInputBordered ? 'bordered' : 'nchw',
        output_layout: isOutputBordered ? 'bordered' : 'nchw',
      },
      inDomain,
    ),
    ...(isOutputBordered ? [node('FromBordered', ['yb'], 'y', { channels: BigInt(columns) }, inDomain)] : []),
  ];
  await check(kernels, {
    sparse,
    dense: node('Conv', ['x', 'w', ...(shape.hasBias ? ['b'] : [])], 'y', geometry),
    content: shape,
    inputs: [{ name: 'x', shape: [images, channels, height, width], values: x }],
    residual,
    weights: { dims, values: weights },
    bias,
    rowAxis: 0,
  });
}

/** @throws Error naming the first element that is wrong. */
export async function checkMatMul(kernels: KernelName, shape: MatMulShape): Promise<void> {
  const { lead, depth, columns, isTransposed } = shape;
  const rows = lead.reduce((a, n) => a * n, 1);
  const { x, weights, bias } = valuesOf(shape, rows * depth, depth * columns, columns);
  // Gemm takes two dimensions, so that the dense form is one where the bias and the transposed weights need it.
  const isGemm = isTransposed || shape.hasBias;
  const dims = isGemm ? [rows, depth] : [...lead, depth];
  const b = shape.hasBias ? 'b' : '';
  const attributes = isTransposed ? { transB: 1n } : {};
  const rowAxis = shape.rowAxis % (dims.length - 1);
  await check(kernels, {
    sparse: [
      node(
        'SparseMatMul',
        ['x', 'w', b, 'taustat_threshold'],
        'y',
        { ...attributes, ...gateAttributes(shape), row_axis: BigInt(rowAxis) },
        { domain: DOMAIN },
      ),
    ],
    dense: isGemm
      ? node('Gemm', ['x', 'w', ...(shape.hasBias ? ['b'] : [])], 'y', attributes)
      : node('MatMul', ['x', 'w'], 'y'),
    content: shape,
    inputs: [{ name: 'x', shape: dims, values: x }],
    residual: undefined,
    weights: { dims: isTransposed ? [columns, depth] : [depth, columns], values: weights },
    bias,
    rowAxis,
  });
}
