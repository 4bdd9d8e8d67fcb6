/** Inputs that say how to compute rather than what from: sizes, scales, positions, bounds, conditions. */
import type { NodeProto } from 'onnx-buf';
import type { GraphIndex } from '../graph.ts';
import { opOf } from '../op.ts';
import { movesElements, type Passage, reached } from './flow.ts';
import { isReduction } from './reductions.ts';

/** Operator → positions of its parameter-like inputs. */
const PARAMETERS: ReadonlyMap<string, readonly number[]> = new Map([
  ['AffineGrid', [0, 1]],
  ['BatchNormalization', [1, 2, 3, 4]],
  ['Bernoulli', [0]],
  ['BlackmanWindow', [0]],
  ['CenterCropPad', [1]],
  ['Clip', [1, 2]],
  ['Col2Im', [1, 2]],
  ['Compress', [1]],
  ['ConstantOfShape', [0]],
  ['CumSum', [1]],
  ['DFT', [1, 2]],
  ['DequantizeLinear', [1, 2]],
  ['Dropout', [1, 2]],
  ['Expand', [1]],
  ['Gather', [1]],
  ['GatherElements', [1]],
  ['GatherND', [1]],
  ['GridSample', [1]],
  ['HammingWindow', [0]],
  ['HannWindow', [0]],
  ['If', [0]],
  ['LSTM', [4]],
  ['GRU', [4]],
  ['RNN', [4]],
  ['Loop', [0, 1]],
  ['MaxRoiPool', [1]],
  ['MaxUnpool', [1, 2]],
  ['MelWeightMatrix', [0, 1, 2, 3, 4]],
  ['NonMaxSuppression', [2, 3, 4]],
  ['NonZero', [0]],
  ['OneHot', [0, 1]],
  ['Pad', [1, 3]],
  ['QuantizeLinear', [1, 2]],
  ['Range', [0, 1, 2]],
  ['Reshape', [1]],
  ['Resize', [1, 2, 3]],
  ['ReverseSequence', [1]],
  ['RoiAlign', [1, 2]],
  ['STFT', [1, 3]],
  ['ScatterElements', [1]],
  ['ScatterND', [1]],
  ['Slice', [1, 2, 3, 4]],
  ['Split', [1]],
  ['Squeeze', [1]],
  ['Tile', [1]],
  ['TopK', [1]],
  ['Trilu', [1]],
  ['Unique', [0]],
  ['Unsqueeze', [1]],
  ['Upsample', [1]],
  ['Where', [0]],
]);

/** What a parameter is computed by on its way: arithmetic and rounding. */
const ARITHMETIC: ReadonlySet<string> = new Set(
  `Abs Add Ceil Clip Div Exp Floor Log Max Mean Min Mod Mul Neg Pow Reciprocal Round Sign Sqrt Sub Sum`.split(
    ' ',
  ),
);

/** Why a tensor is, or becomes, a parameter of what it reaches; undefined where it does not. */
export function parameterReasons(graph: GraphIndex): (tensor: string) => string | undefined {
  const ops = reached<string>(graph, passageOfParameter);
  return (tensor) => {
    const op = ops.get(tensor);
    return op === undefined ? undefined : `a parameter of ${op}, not an activation`;
  };
}

function passageOfParameter(node: NodeProto, tensor: string): Passage<string> {
  const op = opOf(node);
  const positions = isReduction(node) ? [1] : PARAMETERS.get(op);
  if (positions?.some((position) => node.input[position] === tensor)) return { found: op };
  const passes = movesElements(node) || ARITHMETIC.has(op) || isReduction(node);
  return passes ? 'pass' : 'end';
}
