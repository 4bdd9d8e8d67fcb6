/**
 * Which linear layers of a model could skip the zeros of what they read, and which site's gate decides what is zero.
 */
import { create } from '@bufbuild/protobuf';
import { type NodeProto, type TensorProto, TensorProto_DataType, TensorProtoSchema } from 'onnx-buf';
import {
  floatAttribute,
  intAttribute,
  intsAttribute,
  stringAttribute,
  tensorAttribute,
} from '../attributes.ts';
import type { GraphIndex } from '../graph.ts';
import type { DecodedModel } from '../model-file.ts';
import { opOf } from '../op.ts';
import { dataInput } from '../rules/linear.ts';
import type { Site } from '../sites.ts';

/** A linear layer that has a sparse form. */
export interface SparseOperator {
  readonly kind: 'conv' | 'matmul';
  readonly node: NodeProto;
  readonly name: string;
  readonly op: string;
  /** Sizes of its weight: [M, C, R, S] of a convolution, [K, N] or [N, K] of a product. */
  readonly weight: readonly number[];
  /** The site whose gate its input passes through; undefined: there is none. */
  readonly site: Site | undefined;
  /** Whether what it reads has zeros, of a gate or a ReLU. A product of few rows may gain without. */
  readonly hasZeros: boolean;
}

/** A linear layer that stays as it is. */
export interface DenseOperator {
  readonly name: string;
  readonly op: string;
  readonly reason: string;
}

export interface LinearOperators {
  readonly sparse: readonly SparseOperator[];
  readonly dense: readonly DenseOperator[];
}

/** Why a layer is not worth being made sparse for its zeros. */
export const NO_ZEROS = 'what it reads is not gated and has no zeros of a ReLU';

const MOVES: ReadonlySet<string> = new Set([
  'Identity',
  'Reshape',
  'Flatten',
  'Squeeze',
  'Unsqueeze',
  'Transpose',
]);

/**
 * The linear layers of the main graph, in graph order.
 *
 * A site that is pruned for linear layers alone is what the layer itself reads. Any other may lie before operators that move
 * elements, and before a MaxPool where the site's values are not negative: a threshold commutes with both.
 */
export function linearOperators(
  model: DecodedModel,
  index: GraphIndex,
  sites: readonly Site[],
): LinearOperators {
  const weightOf = constantTensors(model, index);
  const siteOf = new Map(sites.map((site) => [site.tensor, site]));
  const sparse: SparseOperator[] = [];
  const dense: DenseOperator[] = [];
  for (const node of index.nodes) {
    const position = dataInput(node, index);
    if (position === undefined) continue;
    const name = node.name || (node.output[0] ?? '');
    const decline = (reason: string): unknown => dense.push({ name, op: node.opType, reason });
    const weight = weightOf(node.input[1] ?? '');
    const reason = position === 0 ? obstacle(node, weight, weightOf) : 'its weight is the first factor';
    if (reason !== undefined || weight === undefined) {
      decline(reason ?? 'its weight is computed');
      continue;
    }
    const source = sourceOf(node.input[0] ?? '', siteOf, index);
    const kind = opOf(node) === 'Conv' ? 'conv' : 'matmul';
    const hasZeros = source !== undefined;
    if (kind === 'conv' && !hasZeros) {
      decline(NO_ZEROS);
      continue;
    }
    const sizes = weight.dims.map(Number);
    sparse.push({ kind, node, name, op: node.opType, weight: sizes, site: source?.site, hasZeros });
  }
  return { sparse, dense };
}

interface Source {
  readonly site: Site | undefined;
}

function sourceAt(tensor: string, siteOf: ReadonlyMap<string, Site>, index: GraphIndex): Source | undefined {
  const site = siteOf.get(tensor);
  if (site !== undefined) return site.elementType === 'float32' ? { site } : undefined;
  const producer = index.producer(tensor);
  return producer !== undefined && opOf(producer) === 'Relu' ? { site: undefined } : undefined;
}

function sourceOf(tensor: string, siteOf: ReadonlyMap<string, Site>, index: GraphIndex): Source | undefined {
  let isPooled = false;
  for (let name = tensor; ; ) {
    const source = sourceAt(name, siteOf, index);
    if (source?.site?.prunedFor === 'linear-layers') return name === tensor ? source : undefined;
    if (source !== undefined) return isPooled && source.site?.isNonNegative === false ? undefined : source;
    const producer = index.producer(name);
    if (producer === undefined) return undefined;
    isPooled ||= opOf(producer) === 'MaxPool';
    if (!commutes(producer)) return undefined;
    name = producer.input[0] ?? '';
  }
}

/** Whether a threshold on what a node reads does what the same threshold on what it makes would do; see `linearOperators`. */
export function commutes(node: NodeProto): boolean {
  return MOVES.has(opOf(node)) || (opOf(node) === 'MaxPool' && node.output.length === 1);
}

/** Why a layer has no sparse form; undefined where it has one. */
function obstacle(
  node: NodeProto,
  weight: TensorProto | undefined,
  constantOf: (tensor: string) => TensorProto | undefined,
): string | undefined {
  const op = opOf(node);
  if (op !== 'Conv' && op !== 'Gemm' && op !== 'MatMul') return `${op} has no sparse form`;
  if (weight === undefined) return 'its weight is computed';
  if (weight.dataType !== TensorProto_DataType.FLOAT) {
    const found = (TensorProto_DataType[weight.dataType] ?? String(weight.dataType)).toLowerCase();
    return `its weight is ${found}: kernels take float`;
  }
  if (op === 'Conv') return convObstacle(node, weight, constantOf);
  if (weight.dims.length !== 2) return `its weight has ${weight.dims.length} dimensions; kernels take 2`;
  if (op === 'MatMul') return undefined;
  const isPlain = floatAttribute(node, 'alpha', 1) === 1 && floatAttribute(node, 'beta', 1) === 1;
  if (!isPlain || (intAttribute(node, 'transA') ?? 0) !== 0)
    return 'alpha, beta or transA is not the default';
  const [k = 0n, n = 0n] = weight.dims;
  const columns = (intAttribute(node, 'transB') ?? 0) === 0 ? n : k;
  return biasObstacle(node.input[2], columns, constantOf);
}

function convObstacle(
  node: NodeProto,
  weight: TensorProto,
  constantOf: (tensor: string) => TensorProto | undefined,
): string | undefined {
  if (weight.dims.length !== 4)
    return `a convolution of ${weight.dims.length - 2} dimensions; kernels take 2`;
  if ((intAttribute(node, 'group') ?? 1) !== 1) return 'a grouped convolution';
  const automatic = stringAttribute(node, 'auto_pad', 'NOTSET');
  if (automatic !== 'NOTSET' && automatic !== 'VALID') return `auto_pad is ${automatic}`;
  if ((intsAttribute(node, 'pads') ?? []).some((pad) => pad < 0)) return 'pads are negative';
  return biasObstacle(node.input[2], weight.dims[0] ?? 0n, constantOf);
}

function biasObstacle(
  bias: string | undefined,
  size: bigint,
  constantOf: (tensor: string) => TensorProto | undefined,
): string | undefined {
  if (bias === undefined || bias === '') return undefined;
  const tensor = constantOf(bias);
  if (tensor === undefined) return 'its bias is computed';
  return isVector(tensor, size) ? undefined : `its bias is not one float for each of ${size} outputs`;
}

/** Whether a constant is a float vector [size]. */
export function isVector(tensor: TensorProto, size: bigint): boolean {
  return (
    tensor.dataType === TensorProto_DataType.FLOAT && tensor.dims.length === 1 && tensor.dims[0] === size
  );
}

/**
 * Constants that are in the file: initializers, Constant nodes, Identity of either, and float16 that a Cast expands to float.
 *
 * @returns sizes and type as a layer reads them; the values of what a Cast expands are left out.
 */
export function constantTensors(
  { graph }: DecodedModel,
  index: GraphIndex,
): (tensor: string) => TensorProto | undefined {
  const inputs = new Set(graph.input.map(({ name }) => name));
  const initializers = new Map(graph.initializer.map((tensor) => [tensor.name, tensor]));
  const constantOf = (tensor: string): TensorProto | undefined => {
    // An initializer that is an input, too, can be overridden by a request.
    if (inputs.has(tensor)) return undefined;
    const initializer = initializers.get(tensor);
    if (initializer !== undefined) return initializer;
    const node = index.producer(tensor);
    if (node === undefined) return undefined;
    const [source = ''] = node.input;
    if (opOf(node) === 'Constant') return tensorAttribute(node, 'value');
    if (opOf(node) === 'Identity') return constantOf(source);
    return opOf(node) === 'Cast' ? expanded(node, constantOf(source)) : undefined;
  };
  return constantOf;
}

/** ONNX Runtime computes such a Cast once, before it creates the layer that reads it. */
function expanded(cast: NodeProto, source: TensorProto | undefined): TensorProto | undefined {
  const { FLOAT, FLOAT16 } = TensorProto_DataType;
  if (source?.dataType !== FLOAT16 || intAttribute(cast, 'to') !== FLOAT) return undefined;
  return create(TensorProtoSchema, { dims: source.dims, dataType: FLOAT });
}
