import type { NodeProto } from 'onnx-buf';
import { subgraphs } from '../attributes.ts';
import type { GraphIndex } from '../graph.ts';
import { opOf } from '../op.ts';

/** Operators that move elements and change none. */
const SHAPE_OPS: ReadonlySet<string> = new Set(
  `Identity Reshape Flatten Squeeze Unsqueeze Transpose Cast CastLike Dropout Slice Split Gather GatherElements GatherND
  Concat Expand Tile DepthToSpace SpaceToDepth`.split(/\s+/),
);

/** What turns logits into the answer. */
const ANSWER_OPS: ReadonlySet<string> = new Set('Softmax LogSoftmax Hardmax ArgMax ArgMin TopK'.split(/\s+/));

const SCALING_OPS: ReadonlySet<string> = new Set(['Mul', 'Div', 'Add', 'Sub']);

export function movesElements(node: NodeProto): boolean {
  return SHAPE_OPS.has(opOf(node));
}

/** Arithmetic with one activation and one constant. */
export function isScaling(node: NodeProto, graph: GraphIndex): boolean {
  return SCALING_OPS.has(opOf(node)) && node.input.some((input) => graph.isConstant(input));
}

/**
 * Walks from a tensor to the nodes that read its elements, and on through every node where `step` says `pass`.
 *
 * @returns what `step` has found first.
 */
export function firstAlong<T>(
  tensor: string,
  graph: GraphIndex,
  step: (node: NodeProto, tensor: string) => 'pass' | 'end' | { readonly found: T },
): T | undefined {
  const seen = new Set<string>();
  const queue = [tensor];
  for (let name = queue.pop(); name !== undefined; name = queue.pop()) {
    if (seen.has(name)) continue;
    seen.add(name);
    for (const node of graph.consumers(name)) {
      if (opOf(node) === 'Shape' || opOf(node) === 'Size') continue;
      const verdict = step(node, name);
      if (typeof verdict === 'object') return verdict.found;
      if (verdict === 'pass') for (const output of node.output) if (output !== '') queue.push(output);
    }
  }
  return undefined;
}

/**
 * Why a gate at the tensor would prune the model's answer itself: it is a graph output, or nothing but a change of shape, a
 * scaling or a softmax stands between the two.
 *
 * @returns undefined where something else does.
 */
export function answerReason(tensor: string, graph: GraphIndex): string | undefined {
  if (graph.isOutput(tensor)) return 'a graph output is never gated';
  const reachesOutput = firstAlong<true>(tensor, graph, (node) => {
    const passes =
      movesElements(node) ||
      ANSWER_OPS.has(opOf(node)) ||
      isScaling(node, graph) ||
      subgraphs(node).length > 0;
    if (!passes) return 'end';
    return node.output.some((output) => graph.isOutput(output)) ? { found: true } : 'pass';
  });
  return reachesOutput ? 'gives the answer: only shape, scale or softmax follows' : undefined;
}
