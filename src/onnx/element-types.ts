import { type GraphProto, type NodeProto, TensorProto_DataType, type ValueInfoProto } from 'onnx-buf';
import { hasAttribute, intAttribute, tensorAttribute } from './attributes.ts';
import { opOf } from './op.ts';

const { BOOL, FLOAT, INT64, UINT8, INT32 } = TensorProto_DataType;

/** Operators whose first output has a type of their own. */
const FIXED: ReadonlyMap<string, number> = new Map([
  ...['Equal', 'Less', 'LessOrEqual', 'Greater', 'GreaterOrEqual'].map((op) => [op, BOOL] as const),
  ...['And', 'Or', 'Xor', 'Not', 'IsNaN', 'IsInf'].map((op) => [op, BOOL] as const),
  ...['Shape', 'Size', 'NonZero', 'ArgMax', 'ArgMin'].map((op) => [op, INT64] as const),
  ...['MatMulInteger', 'ConvInteger'].map((op) => [op, INT32] as const),
  ['DynamicQuantizeLinear', UINT8],
]);

/** Operators whose first output takes its type from an input other than the first. */
const TYPE_INPUT: ReadonlyMap<string, number> = new Map([
  ['Where', 1],
  ['DequantizeLinear', 1],
  ['CastLike', 1],
  ['OneHot', 2],
  ['QuantizeLinear', 2],
]);

/** Operators whose first output has the type of the first input. */
const PRESERVING: ReadonlySet<string> = new Set(
  `Abs Add Affine AveragePool BatchNormalization Ceil Celu Clip Compress Concat Conv ConvTranspose Cos CumSum
  DepthToSpace Div Dropout Einsum Elu Erf Exp Expand Flatten Floor Gather GatherElements GatherND Gelu Gemm
  GlobalAveragePool GlobalLpPool GlobalMaxPool GridSample GroupNormalization GRU Hardmax HardSigmoid HardSwish Identity
  InstanceNormalization LRN LSTM LayerNormalization LeakyRelu Log LogSoftmax LpNormalization LpPool MatMul Max MaxPool
  Mean MeanVarianceNormalization Min Mish Mod Mul Neg PRelu Pad Pow RMSNormalization RNN Reciprocal ReduceL1 ReduceL2
  ReduceLogSum ReduceLogSumExp ReduceMax ReduceMean ReduceMin ReduceProd ReduceSum ReduceSumSquare Relu Reshape Resize
  Round ScatterElements ScatterND Selu Sigmoid Sign Sin Slice Softmax Softplus Softsign SpaceToDepth Split Sqrt Squeeze
  Sub Sum Swish Tanh ThresholdedRelu Tile Transpose Trilu Unsqueeze Upsample Attention RotaryEmbedding
  com.microsoft.Attention com.microsoft.BiasGelu com.microsoft.FastGelu com.microsoft.FusedConv com.microsoft.FusedGemm
  com.microsoft.FusedMatMul com.microsoft.Gelu com.microsoft.MatMulNBits com.microsoft.MultiHeadAttention
  com.microsoft.GroupQueryAttention com.microsoft.QuickGelu com.microsoft.RotaryEmbedding
  com.microsoft.SimplifiedLayerNormalization SimplifiedLayerNormalization com.microsoft.SkipLayerNormalization
  com.microsoft.SkipSimplifiedLayerNormalization`.split(/\s+/),
);

/** Operators whose outputs all have the type of the first. */
const UNIFORM: ReadonlySet<string> = new Set(['Split', 'LSTM', 'GRU', 'RNN']);

/**
 * The element type of every tensor that can be told: declared by an input, an output, a value_info or an initializer,
 * or carried there through operators whose types are known.
 *
 * @param nodes - those of the graph, each after those that it reads from.
 */
export function elementTypes(graph: GraphProto, nodes: readonly NodeProto[]): ReadonlyMap<string, number> {
  const types = new Map<string, number>();
  for (const value of [...graph.valueInfo, ...graph.output, ...graph.input]) declare(value, types);
  for (const { name, dataType } of graph.initializer) types.set(name, dataType);
  for (const { values } of graph.sparseInitializer) {
    if (values !== undefined) types.set(values.name, values.dataType);
  }
  for (const node of nodes) {
    const first = node.output[0] ?? '';
    const type = types.get(first) ?? outputType(node, types);
    if (type === undefined) continue;
    const alike = UNIFORM.has(opOf(node)) ? node.output : [first];
    for (const output of alike) types.set(output, type);
  }
  return types;
}

function declare({ name, type }: ValueInfoProto, types: Map<string, number>): void {
  if (type?.value.case === 'tensorType' && type.value.value.elemType !== 0) {
    types.set(name, type.value.value.elemType);
  }
}

function outputType(node: NodeProto, types: ReadonlyMap<string, number>): number | undefined {
  const op = opOf(node);
  if (op === 'Cast') return intAttribute(node, 'to');
  if (op === 'Constant') return constantType(node);
  if (op === 'ConstantOfShape') return tensorAttribute(node, 'value')?.dataType ?? FLOAT;
  const fixed = FIXED.get(op);
  if (fixed !== undefined) return fixed;
  const input = TYPE_INPUT.get(op) ?? (PRESERVING.has(op) ? 0 : undefined);
  return input === undefined ? undefined : types.get(node.input[input] ?? '');
}

function constantType(node: NodeProto): number | undefined {
  const tensor = tensorAttribute(node, 'value');
  if (tensor !== undefined) return tensor.dataType;
  if (hasAttribute(node, 'value_float') || hasAttribute(node, 'value_floats')) return FLOAT;
  if (hasAttribute(node, 'value_int') || hasAttribute(node, 'value_ints')) return INT64;
  return undefined;
}
