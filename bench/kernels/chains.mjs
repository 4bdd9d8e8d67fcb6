/**
 * Chains of equal layers, each followed by a Relu whose share of nonzeros is set by the bias: a layer inside a graph, with
 * activations that hang together in space as real ones do.
 */
import { create, toBinary } from '@bufbuild/protobuf';
import {
  AttributeProto_AttributeType,
  AttributeProtoSchema,
  ModelProtoSchema,
  NodeProtoSchema,
  TensorProtoSchema,
  ValueInfoProtoSchema,
} from 'onnx-buf';
import { xorshift } from '../../dist/drift/xorshift.js';

/**
 * @typedef {{ kind: 'conv', channels: number, columns: number, size: number, kernel: number, batch: number }
 *   | { kind: 'matmul', rows: number, depth: number, columns: number }} Layer
 * @typedef {{ weights: Float32Array, bias: Float32Array, layer: Layer }} Made
 * @typedef {(bytes: Uint8Array, input: Float32Array, shape: number[]) => Promise<Float32Array>} DenseRun
 */

const { INT, INTS, STRING } = AttributeProto_AttributeType;
/** @param {string} name @param {number | number[] | string} value */
function attribute(name, value) {
  if (typeof value === 'string')
    return create(AttributeProtoSchema, { name, type: STRING, s: new TextEncoder().encode(value) });
  if (typeof value === 'number') return create(AttributeProtoSchema, { name, type: INT, i: BigInt(value) });
  return create(AttributeProtoSchema, { name, type: INTS, ints: value.map(BigInt) });
}
/** @param {string} opType @param {string[]} input @param {string} output @param {Record<string, number | number[] | string>} attributes @param {string} domain */
const node = (opType, input, output, attributes = {}, domain = '') =>
  create(NodeProtoSchema, {
    opType,
    input,
    output: [output],
    attribute: Object.entries(attributes).map(([name, value]) => attribute(name, value)),
    domain,
  });
/** A float tensor; without sizes its shape is unknown. @param {string} name @param {number[]} [sizes] */
const info = (name, sizes) => {
  const dim = sizes?.map((n) => ({ value: { case: /** @type {const} */ ('dimValue'), value: BigInt(n) } }));
  return create(ValueInfoProtoSchema, {
    name,
    type: { value: { case: 'tensorType', value: { elemType: 1, ...(dim && { shape: { dim } }) } } },
  });
};
/** @param {string} name @param {number[]} dims @param {Float32Array} values */
const constant = (name, dims, values) =>
  create(TensorProtoSchema, {
    name,
    dims: dims.map(BigInt),
    dataType: 1,
    rawData: Uint8Array.from(new Uint8Array(values.buffer, values.byteOffset, values.byteLength)),
  });

/** @param {Layer} layer */
export const inputShape = (layer) =>
  layer.kind === 'conv' ? [layer.batch, layer.channels, layer.size, layer.size] : [layer.rows, layer.depth];
/** @param {Layer} layer */
const weightShape = (layer) =>
  layer.kind === 'conv'
    ? [layer.columns, layer.channels, layer.kernel, layer.kernel]
    : [layer.depth, layer.columns];
/** @param {number[]} shape */
export const countOf = (shape) => shape.reduce((a, n) => a * n, 1);

/** Multiplications of one layer, in millions. @param {Layer} layer */
export const megaMacs = (layer) =>
  (layer.kind === 'conv'
    ? layer.batch * layer.size ** 2 * layer.channels * layer.columns * layer.kernel ** 2
    : layer.rows * layer.depth * layer.columns) / 1e6;

/** The layer that leads back to the input of `layer`, so that the two can take turns. @param {Layer} layer @returns {Layer} */
const back = (layer) =>
  layer.kind === 'conv'
    ? { ...layer, channels: layer.columns, columns: layer.channels }
    : { ...layer, depth: layer.columns, columns: layer.depth };

/**
 * Weights of `length` layers that keep `density` of what they make.
 *
 * @param {Layer} layer
 * @param {number} length
 * @param {number} density - of the input, and behind each Relu
 * @param {DenseRun} run
 */
export async function makeChain(layer, length, density, run) {
  const random = xorshift(7);
  const normal = () => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
  const input = Float32Array.from({ length: countOf(inputShape(layer)) }, () =>
    random() < density ? Math.abs(normal()) : 0,
  );
  /** @type {Made[]} */
  const layers = [];
  let x = input;
  for (let i = 0; i < length; i++) {
    const next = i % 2 === 0 ? layer : back(layer);
    const weights = Float32Array.from({ length: countOf(weightShape(next)) }, normal);
    const fan = countOf(weightShape(next)) / next.columns;
    for (let k = 0; k < weights.length; k++)
      weights[k] = /** @type {number} */ (weights[k]) / Math.sqrt(fan * density + 1);
    const made = { weights, bias: new Float32Array(next.columns), layer: next };
    const before = await run(modelOf([made], 'dense', false), x, inputShape(next));
    const sorted = Float32Array.from(before).sort();
    const cut = sorted[Math.min(sorted.length - 1, Math.floor((1 - density) * sorted.length))] ?? 0;
    made.bias.fill(-cut);
    layers.push(made);
    x = before.map((v) => Math.max(0, v - cut));
  }
  return { input, layers };
}

/**
 * @param {readonly Made[]} layers
 * @param {'dense' | 'sparse'} form
 * @param {boolean} hasRelu
 */
export function modelOf(layers, form, hasRelu = true) {
  const first = /** @type {Made} */ (layers[0]);
  const nodes = layers.flatMap(({ layer }, i) => {
    const isLast = i === layers.length - 1;
    const name = isLast ? 'y' : `a${i}`;
    const inputs = [i === 0 ? 'x' : `a${i - 1}`, `w${i}`, `b${i}`];
    const pad = layer.kind === 'conv' ? (layer.kernel - 1) / 2 : 0;
    const geometry = layer.kind === 'conv' ? { pads: [pad, pad, pad, pad] } : {};
    if (form === 'sparse') {
      const layout =
        layer.kind === 'conv'
          ? { input_layout: i === 0 ? 'nchw' : 'bordered', output_layout: isLast ? 'nchw' : 'bordered' }
          : {};
      const op = layer.kind === 'conv' ? 'SparseConv' : 'SparseMatMul';
      return [node(op, inputs, name, { ...geometry, ...layout, activation: 'relu' }, 'ai.taustat')];
    }
    const op = layer.kind === 'conv' ? 'Conv' : 'Gemm';
    if (!hasRelu) return [node(op, inputs, name, geometry)];
    return [node(op, inputs, `c${i}`, geometry), node('Relu', [`c${i}`], name)];
  });
  const model = create(ModelProtoSchema, {
    irVersion: 8n,
    opsetImport: [
      { domain: '', version: 17n },
      { domain: 'ai.taustat', version: 1n },
    ],
    graph: {
      name: 'chain',
      node: nodes,
      input: [info('x', inputShape(first.layer))],
      output: [info('y')],
      initializer: layers.flatMap(({ weights, bias, layer }, i) => [
        constant(`w${i}`, weightShape(layer), weights),
        constant(`b${i}`, [layer.columns], bias),
      ]),
    },
  });
  return toBinary(ModelProtoSchema, model);
}
