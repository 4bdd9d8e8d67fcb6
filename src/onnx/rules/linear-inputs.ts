import type { NodeProto } from 'onnx-buf';
import type { GraphIndex } from '../graph.ts';
import { opOf } from '../op.ts';
import { movesElements } from './flow.ts';
import { dataInput } from './linear.ts';
import { isNonNegativeBy } from './pointwise.ts';
import { hit, type SiteRule } from './rule.ts';

const KEEPS_SIGN: ReadonlySet<string> = new Set([
  'MaxPool',
  'AveragePool',
  'GlobalAveragePool',
  'GlobalMaxPool',
]);

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

function isNonNegative(tensor: string, graph: GraphIndex): boolean {
  const node: NodeProto | undefined = graph.producer(tensor);
  if (node === undefined) return false;
  if (isNonNegativeBy(node, graph)) return true;
  const isCarried = KEEPS_SIGN.has(opOf(node)) || (movesElements(node) && opOf(node) !== 'Concat');
  return isCarried && isNonNegative(node.input[0] ?? '', graph);
}
