import type { NodeProto } from 'onnx-buf';
import type { GraphIndex } from '../graph.ts';
import { opOf } from '../op.ts';
import { movesElements } from './flow.ts';
import { dataInput } from './linear.ts';
import { isNonNegativeBy } from './pointwise.ts';
import { hit, type SiteRule } from './rule.ts';

const SIGN_KEEPING: ReadonlySet<string> = new Set(
  'MaxPool AveragePool GlobalAveragePool GlobalMaxPool ReduceMean ReduceMax'.split(' '),
);

/** The activations that a MatMul, Gemm or Conv with a constant weight reads. */
export const linearInputRule: SiteRule = {
  name: 'linear-input',
  match(node, graph) {
    const position = dataInput(node, graph);
    if (position === undefined) return undefined;
    const tensor = node.input[position] ?? '';
    const op = graph.isInput(tensor) ? `${node.opType} (graph input)` : node.opType;
    return hit(node, op, tensor, isNonNegative(tensor, graph));
  },
};

/** Whether a nonlinearity made the tensor non-negative, and nothing since could change a sign. */
function isNonNegative(tensor: string, graph: GraphIndex): boolean {
  let node = graph.producer(tensor);
  while (node !== undefined && keepsSign(node)) node = graph.producer(node.input[0] ?? '');
  return node !== undefined && isNonNegativeBy(node, graph);
}

function keepsSign(node: NodeProto): boolean {
  return SIGN_KEEPING.has(opOf(node)) || (movesElements(node) && opOf(node) !== 'Concat');
}
