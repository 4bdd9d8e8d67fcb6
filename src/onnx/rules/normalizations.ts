/**
 * What a normalisation over features makes, as an operator of its own or written out: x divided by the root of a mean of squares.
 */
import type { NodeProto } from 'onnx-buf';
import type { GraphIndex } from '../graph.ts';
import { opOf } from '../op.ts';
import { isScaling, movesElements } from './flow.ts';

const NORMALIZATIONS: ReadonlySet<string> = new Set([
  'LayerNormalization',
  'RMSNormalization',
  'SimplifiedLayerNormalization',
  'com.microsoft.SkipLayerNormalization',
  'com.microsoft.SkipSimplifiedLayerNormalization',
  'com.microsoft.EmbedLayerNormalization',
]);

/** Operators between a mean of squares and what is divided by its root. */
const ROOTS: ReadonlySet<string> = new Set(['Sqrt', 'Pow', 'Reciprocal', 'Div', 'Add', 'Max', 'Cast']);
const MAX_ROOT = 6;

/** Tensors of the main graph that a normalisation made, scaled, shifted and moved as may be. O(nodes). */
export function normalizedTensors(graph: GraphIndex): ReadonlySet<string> {
  const normalized = new Set<string>();
  for (const node of graph.nodes) {
    const [output = ''] = node.output;
    const passes = (movesElements(node) && opOf(node) !== 'Concat') || isScaling(node, graph);
    const isPassed = passes && node.input.some((input) => normalized.has(input));
    if (isPassed || NORMALIZATIONS.has(opOf(node)) || isWrittenOut(node, graph)) normalized.add(output);
  }
  return normalized;
}

/** x / √mean, or x · 1/√mean. */
function isWrittenOut(node: NodeProto, graph: GraphIndex): boolean {
  const [a = '', b = ''] = node.input;
  if (opOf(node) === 'Div') return !graph.isConstant(a) && isRootOfMean(b, graph);
  return opOf(node) === 'Mul' && (isRootOfMean(a, graph) || isRootOfMean(b, graph));
}

/** Whether a tensor is the root of a mean, or its reciprocal. */
function isRootOfMean(tensor: string, graph: GraphIndex): boolean {
  let hasRoot = false;
  for (let name = tensor, step = 0; step < MAX_ROOT; step++) {
    const node = graph.producer(name);
    if (node === undefined) return false;
    if (opOf(node) === 'ReduceMean') return hasRoot;
    if (!ROOTS.has(opOf(node))) return false;
    hasRoot ||= opOf(node) === 'Sqrt' || opOf(node) === 'Pow';
    name = node.input.find((input) => !graph.isConstant(input)) ?? '';
  }
  return false;
}
