import type { NodeProto } from 'onnx-buf';
import type { GraphIndex } from '../graph.ts';
import { opOf } from '../op.ts';
import { movesElements, originsOf } from './flow.ts';
import { dataInput } from './linear.ts';
import { normalizedTensors } from './normalizations.ts';
import { isNonNegativeBy } from './pointwise.ts';
import { hit, type SiteRule } from './rule.ts';

const SIGN_KEEPING: ReadonlySet<string> = new Set(
  'MaxPool AveragePool GlobalAveragePool GlobalMaxPool ReduceMean ReduceMax'.split(' '),
);

/**
 * The activations that a MatMul, Gemm or Conv with a constant weight reads.
 *
 * @param poleAt - the pole of the activation function whose last node this is; null: none.
 */
export function linearInputRule(graph: GraphIndex, poleAt: (node: NodeProto) => number | null): SiteRule {
  const originOf = originsOf(graph, keepsSign);
  const unchanged = originsOf(graph, keepsMagnitudes);
  /** Whether a nonlinearity made the tensor non-negative, and nothing since could change a sign. */
  const isNonNegative = (tensor: string): boolean => {
    const source = graph.producer(originOf(tensor));
    return source !== undefined && isNonNegativeBy(source, graph);
  };
  const poleOfTensor = (tensor: string): number | null => {
    const source = graph.producer(unchanged(tensor));
    return source === undefined ? null : poleAt(source);
  };
  return {
    name: 'linear-input',
    match(node) {
      const position = dataInput(node, graph);
      if (position === undefined) return undefined;
      const tensor = node.input[position] ?? '';
      const op = graph.isInput(tensor) ? `${node.opType} (graph input)` : node.opType;
      return hit(node, op, tensor, isNonNegative(tensor), poleOfTensor(tensor), 'linear-layers');
    },
  };
}

/**
 * What a MatMul, Gemm or Conv with a constant weight reads from a normalisation over features: with its scale and shift, and
 * after operators that move elements. All such tensors have about the scale of one, so that one threshold means the same to
 * each; the averages of an attention, say, are far smaller, and would be lost first.
 */
export function normalizedInputRule(graph: GraphIndex): SiteRule {
  const normalized = normalizedTensors(graph);
  return {
    name: 'normalized-input',
    match(node) {
      const position = dataInput(node, graph);
      const tensor = position === undefined ? '' : (node.input[position] ?? '');
      if (!normalized.has(tensor)) return undefined;
      return hit(node, node.opType, tensor, false, null, 'linear-layers');
    },
  };
}

function keepsSign(node: NodeProto): boolean {
  return SIGN_KEEPING.has(opOf(node)) || keepsMagnitudes(node);
}

function keepsMagnitudes(node: NodeProto): boolean {
  return movesElements(node) && opOf(node) !== 'Concat';
}
