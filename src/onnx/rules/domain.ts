/**
 * Zeros where a zero must not be. A gate makes zeros that the model itself never made, so its site is declined where such a
 * zero reaches the denominator of a Div, a Log or their like:
 *
 *   Softplus → Sqrt → Div      1/√0      Sigmoid → ReduceSum → Log      ln Σ0
 *
 * A zero is followed through operators that make zeros of zeros, all of them or one.
 */
import type { NodeProto } from 'onnx-buf';
import { clipBounds } from '../expression.ts';
import type { GraphIndex } from '../graph.ts';
import { opOf } from '../op.ts';
import { movesElements, type Passage, reached } from './flow.ts';
import { isPooling, isReduction } from './reductions.ts';

/** f(0) = 0, and rounding to zero. */
const KEEPS_ZERO: ReadonlySet<string> = new Set(
  `Abs Asin Asinh Atan Atanh Ceil Celu CumSum Elu Erf Floor Gelu HardSwish LeakyRelu Mish Mul Neg PRelu Pad Relu Resize
  Round Selu Shrink Sign Sin Sinh Softsign Sqrt Swish Tan Tanh ThresholdedRelu Trilu Upsample Where Sum Mean Min
  QuantizeLinear DequantizeLinear LRN Einsum`.split(/\s+/),
);

/** Operators that have no finite value, or a pole, at zero. */
const WITHOUT_ZERO: ReadonlySet<string> = new Set(
  'Log Reciprocal Acosh ReduceLogSum ReduceLogSumExp LpNormalization'.split(' '),
);

/** The second input divides. */
const DIVIDING: ReadonlySet<string> = new Set(['Div', 'Mod']);

/** Why a zero at a tensor is outside the domain of what it reaches; undefined where it is not. */
export function domainReasons(graph: GraphIndex): (tensor: string) => string | undefined {
  const ops = reached(graph, passageOfZero);
  return (tensor) => {
    const op = ops.get(tensor);
    return op === undefined ? undefined : `a zero would reach ${op}, outside its domain`;
  };
}

function passageOfZero(node: NodeProto, tensor: string, graph: GraphIndex): Passage<string> {
  const op = opOf(node);
  if (graph.isLocalFunction(node)) return { found: op };
  if (WITHOUT_ZERO.has(op)) return { found: op };
  if (DIVIDING.has(op)) return node.input[1] === tensor ? { found: op } : 'pass';
  if (op === 'Pow') return passageOfPower(node, tensor, graph);
  if (op === 'Add' || op === 'Sub') return passageOfSum(node, tensor, graph);
  if (op === 'Clip') return (clipBounds(node, graph).min ?? 0) > 0 ? 'end' : 'pass';
  if (op === 'Max') return node.input.some((input) => (graph.scalar(input) ?? 0) > 0) ? 'end' : 'pass';
  return KEEPS_ZERO.has(op) || movesElements(node) || isReduction(node) || isPooling(node) ? 'pass' : 'end';
}

function passageOfPower(node: NodeProto, tensor: string, graph: GraphIndex): Passage<string> {
  const [base, exponent = ''] = node.input;
  if (base !== tensor) return 'end';
  const power = graph.scalar(exponent);
  if (power === undefined || power < 0) return { found: 'Pow' };
  return power === 0 ? 'end' : 'pass';
}

/** x + c with c > 0, and c − x, are no zero at x = 0; with c < 0 what follows may have been positive before. */
function passageOfSum(node: NodeProto, tensor: string, graph: GraphIndex): Passage<string> {
  const [first = '', second = ''] = node.input;
  const other = first === tensor ? second : first;
  if (!graph.isConstant(other)) return 'pass';
  const constant = graph.scalar(other);
  if (constant === undefined) return 'end';
  const atZero = opOf(node) === 'Sub' && other === second ? -constant : constant;
  return atZero > 0 ? 'end' : 'pass';
}
