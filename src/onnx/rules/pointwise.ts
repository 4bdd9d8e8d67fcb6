import type { NodeProto } from 'onnx-buf';
import { floatAttribute } from '../attributes.ts';
import { clipBounds } from '../expression.ts';
import { type GraphIndex, readersOf } from '../graph.ts';
import { opOf } from '../op.ts';
import { poleOf } from './poles.ts';
import { hit, type Match, miss, type SiteRule } from './rule.ts';

/** Operators that are a nonlinearity by themselves → the name that a site shows. */
const NONLINEARITIES: ReadonlyMap<string, string> = new Map([
  ...(
    `Relu LeakyRelu PRelu Elu Celu Selu ThresholdedRelu Gelu HardSwish Swish Mish Softplus Softsign Sigmoid HardSigmoid
    Tanh Clip`.split(/\s+/) as string[]
  ).map((op) => [op, op] as const),
  ['com.microsoft.Gelu', 'Gelu'],
  ['com.microsoft.BiasGelu', 'Gelu'],
  ['com.microsoft.FastGelu', 'Gelu'],
  ['com.microsoft.QuickGelu', 'QuickGelu'],
]);

const NON_NEGATIVE: ReadonlySet<string> = new Set(['Relu', 'Softplus', 'Sigmoid', 'HardSigmoid']);

/** Nonlinearities that also serve as a factor in (0, 1) or (−1, 1) of something else. */
const SQUASHING: ReadonlySet<string> = new Set(['Sigmoid', 'HardSigmoid', 'Tanh']);

/** Whether the node is a nonlinearity by itself. */
export function isNonlinearity(node: NodeProto): boolean {
  return NONLINEARITIES.has(opOf(node));
}

/** Whether a node's first output is never negative, whatever it reads. */
export function isNonNegativeBy(node: NodeProto, graph: GraphIndex): boolean {
  const op = opOf(node);
  if (op === 'Clip') return (clipBounds(node, graph).min ?? Number.NEGATIVE_INFINITY) >= 0;
  if (op === 'ThresholdedRelu') return floatAttribute(node, 'alpha', 1) >= 0;
  return NON_NEGATIVE.has(op);
}

/** The output of a nonlinear layer that is one node. */
export const pointwiseRule: SiteRule = {
  name: 'pointwise',
  match(node, graph): Match | undefined {
    const op = NONLINEARITIES.get(opOf(node));
    const tensor = node.output[0] ?? '';
    if (op === undefined) return undefined;
    const reason = op === 'Clip' ? clipReason(node, graph) : squashingReason(node, graph);
    return reason === undefined
      ? hit(node, op, tensor, isNonNegativeBy(node, graph), poleOf(node))
      : miss(node, op, tensor, reason);
  },
};

function clipReason(node: NodeProto, graph: GraphIndex): string | undefined {
  const { min, max } = clipBounds(node, graph);
  if (min === undefined || max === undefined) return 'bounds are computed by the model';
  if (min > 0 || max < 0) return 'zero lies outside its bounds';
  if (min === Number.NEGATIVE_INFINITY) return 'no lower bound: a limit, not an activation';
  return undefined;
}

function squashingReason(node: NodeProto, graph: GraphIndex): string | undefined {
  if (!SQUASHING.has(opOf(node))) return undefined;
  const tensor = node.output[0] ?? '';
  const isFactor = [...readersOf(tensor, graph)].some(
    ({ node: reader, graph: around }) =>
      opOf(reader) === 'Mul' && !reader.input.some((input) => around.isConstant(input)),
  );
  return isFactor ? 'a factor of another activation' : undefined;
}
