import type { GraphProto, NodeProto, TensorShapeProto } from 'onnx-buf';
import { intAttribute, intsAttribute, tensorAttribute } from './attributes.ts';
import type { GraphIndex } from './graph.ts';
import { opOf } from './op.ts';

const SAME: ReadonlySet<string> = new Set(
  `Abs AveragePool BatchNormalization Cast Ceil Celu Clip Conv ConvTranspose Cos CumSum DepthToSpace
  DequantizeLinear Dropout Elu Erf Exp Floor Gelu GlobalAveragePool GlobalMaxPool GroupNormalization HardSigmoid
  HardSwish Hardmax Identity InstanceNormalization LRN LayerNormalization LeakyRelu Log LogSoftmax LpNormalization
  MaxPool Mish Neg PRelu Pad QuantizeLinear RMSNormalization Reciprocal Relu Resize Round Selu Sigmoid Sign Sin Slice
  Softmax Softplus Softsign SpaceToDepth Split Sqrt Swish Tanh ThresholdedRelu Tile Transpose Trilu Upsample`.split(
    /\s+/,
  ),
);

const BROADCASTING: ReadonlySet<string> = new Set(
  'Add And Div Equal Greater GreaterOrEqual Less LessOrEqual Max Mean Min Mod Mul Or Pow Sub Sum Where Xor'.split(
    ' ',
  ),
);

const REDUCING = /^Reduce(L1|L2|LogSum|LogSumExp|Max|Mean|Min|Prod|Sum|SumSquare)$/;

type Sizes = ReadonlyMap<string, number>;
type ScalarReader = GraphIndex['scalar'];

/**
 * The number of dimensions of every tensor where it follows from declared shapes and from operators whose rule is certain.
 * A tensor that is not in the map has an unknown rank.
 */
export function ranks(graph: GraphProto, { nodes, scalar }: GraphIndex): ReadonlyMap<string, number> {
  const known = new Map<string, number>();
  const lengths = new Map<string, number>();
  const declare = (name: string, dims: readonly number[]): void => {
    known.set(name, dims.length);
    const [length] = dims;
    if (dims.length === 1 && length !== undefined && length >= 0) lengths.set(name, length);
  };
  for (const { name, type } of [...graph.valueInfo, ...graph.output, ...graph.input]) {
    const shape = type?.value.case === 'tensorType' ? type.value.value.shape : undefined;
    if (shape !== undefined) declare(name, shape.dim.map(sizeOf));
  }
  for (const { name, dims } of graph.initializer) declare(name, dims.map(Number));
  for (const node of nodes) {
    const output = node.output[0] ?? '';
    const constant = tensorAttribute(node, 'value');
    if (opOf(node) === 'Constant' && constant !== undefined) declare(output, constant.dims.map(Number));
    const length = lengthOf(node, known, lengths, scalar);
    if (length !== undefined) declare(output, [length]);
    const rank = known.get(output) ?? rankOf(node, known, lengths);
    if (rank === undefined || rank < 0) continue;
    known.set(output, rank);
    if (opOf(node) === 'Split') for (const part of node.output) known.set(part, rank);
    if (opOf(node) === 'LSTM' || opOf(node) === 'GRU' || opOf(node) === 'RNN') {
      for (const state of node.output.slice(1)) known.set(state, 3);
    }
  }
  return known;
}

function sizeOf({ value }: TensorShapeProto['dim'][number]): number {
  return value.case === 'dimValue' ? Number(value.value) : -1;
}

function rankOf(node: NodeProto, known: Sizes, lengths: Sizes): number | undefined {
  const op = opOf(node);
  const given = node.input.filter((name) => name !== '').map((name) => known.get(name));
  const [first, second] = given;
  if (op === 'Concat') return given.find((rank) => rank !== undefined);
  if (SAME.has(op)) return first;
  if (BROADCASTING.has(op)) return highest(given);
  if (REDUCING.test(op)) return reducedRank(node, first, lengths);
  switch (op) {
    case 'Gemm':
    case 'Flatten':
      return 2;
    case 'LSTM':
    case 'GRU':
    case 'RNN':
      return 4;
    case 'MatMul':
      return first !== undefined && second !== undefined && Math.min(first, second) >= 2
        ? Math.max(first, second)
        : undefined;
    case 'Gather':
      return first === undefined || second === undefined ? undefined : first + second - 1;
    case 'Reshape':
      return lengths.get(node.input[1] ?? '');
    case 'ConstantOfShape':
      return lengths.get(node.input[0] ?? '');
    case 'Expand': {
      const length = lengths.get(node.input[1] ?? '');
      return highest([first, length]);
    }
    case 'Unsqueeze':
      return shifted(first, axesOf(node, lengths), 1);
    case 'Squeeze':
      return shifted(first, axesOf(node, lengths), -1);
    default:
      return undefined;
  }
}

/** The size of a one-dimensional output, as the shapes given to Reshape are built from. */
function lengthOf(node: NodeProto, known: Sizes, lengths: Sizes, scalar: ScalarReader): number | undefined {
  const first = node.input[0] ?? '';
  switch (opOf(node)) {
    case 'Shape':
      return node.attribute.length === 0 ? known.get(first) : undefined;
    case 'Cast':
    case 'Identity':
      return lengths.get(first);
    case 'Unsqueeze':
      return known.get(first) === 0 && axesOf(node, lengths) === 1 ? 1 : undefined;
    case 'Concat': {
      const parts = node.input.map((name) => lengths.get(name));
      return parts.every((part) => part !== undefined)
        ? parts.reduce((total, part) => total + part, 0)
        : undefined;
    }
    case 'Slice':
      return sliceLength(node, lengths.get(first), scalar);
    default:
      return undefined;
  }
}

/** The length that a Slice cuts out of one dimension: by attributes in early opsets, by inputs later. */
function sliceLength(node: NodeProto, length: number | undefined, scalar: ScalarReader): number | undefined {
  const start = intsAttribute(node, 'starts')?.[0] ?? scalar(node.input[1] ?? '');
  const end = intsAttribute(node, 'ends')?.[0] ?? scalar(node.input[2] ?? '');
  const steps = node.input[4] ?? '';
  if (length === undefined || start === undefined || end === undefined) return undefined;
  if (steps !== '' && scalar(steps) !== 1) return undefined;
  const at = (position: number): number =>
    Math.min(length, Math.max(0, position < 0 ? position + length : position));
  return Math.max(0, at(end) - at(start));
}

function reducedRank(node: NodeProto, rank: number | undefined, lengths: Sizes): number | undefined {
  if ((intAttribute(node, 'keepdims') ?? 1) !== 0) return rank;
  const hasAxes = node.input.length > 1 || intsAttribute(node, 'axes') !== undefined;
  if (!hasAxes) return intAttribute(node, 'noop_with_empty_axes') ? rank : 0;
  return shifted(rank, axesOf(node, lengths), -1);
}

/** How many axes a node names: an attribute in early opsets, an input later. */
function axesOf(node: NodeProto, lengths: Sizes): number | undefined {
  return intsAttribute(node, 'axes')?.length ?? lengths.get(node.input[1] ?? '');
}

function shifted(rank: number | undefined, axes: number | undefined, sign: 1 | -1): number | undefined {
  return rank === undefined || axes === undefined ? undefined : rank + sign * axes;
}

function highest(of: readonly (number | undefined)[]): number | undefined {
  const all = of.filter((rank) => rank !== undefined);
  return all.length === of.length && all.length > 0 ? all.reduce((a, b) => Math.max(a, b)) : undefined;
}
