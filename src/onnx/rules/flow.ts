/**
 * What a tensor reaches, and what it comes from, through operators that let it pass: one pass over the graph for all its
 * tensors together, so that finding sites takes time linear in the nodes.
 */
import type { NodeProto } from 'onnx-buf';
import type { GraphIndex } from '../graph.ts';
import { opOf } from '../op.ts';

/** Operators that move elements and change none. */
const SHAPE_OPS: ReadonlySet<string> = new Set(
  `Identity Reshape Flatten Squeeze Unsqueeze Transpose Cast CastLike Dropout Slice Split Gather GatherElements GatherND
  Concat Expand Tile DepthToSpace SpaceToDepth`.split(/\s+/),
);

const SCALING_OPS: ReadonlySet<string> = new Set(['Mul', 'Div', 'Add', 'Sub']);

export function movesElements(node: NodeProto): boolean {
  return SHAPE_OPS.has(opOf(node));
}

/** Arithmetic with one activation and one constant. */
export function isScaling(node: NodeProto, graph: GraphIndex): boolean {
  return SCALING_OPS.has(opOf(node)) && node.input.some((input) => graph.isConstant(input));
}

/** What becomes of a tensor that a node reads. */
export type Passage<T> = 'pass' | 'end' | { readonly found: T };

/**
 * What each tensor reaches: what `step` finds at a node that reads it, or behind nodes where `step` says `pass`. A node that
 * reads the shape alone is no reader. Last node first. O(edges).
 *
 * @returns one finding per tensor; no entry where there is none.
 */
export function reached<T>(
  graph: GraphIndex,
  step: (node: NodeProto, tensor: string) => Passage<T>,
): ReadonlyMap<string, T> {
  const findings = new Map<string, T>();
  for (const node of graph.nodes.toReversed()) {
    if (opOf(node) === 'Shape' || opOf(node) === 'Size') continue;
    const behind = node.output.find((output) => findings.has(output));
    for (const tensor of graph.reads(node)) {
      if (findings.has(tensor)) continue;
      const passage = step(node, tensor);
      if (typeof passage === 'object') findings.set(tensor, passage.found);
      else if (passage === 'pass' && behind !== undefined) findings.set(tensor, findings.get(behind)!);
    }
  }
  return findings;
}

/**
 * Where each tensor comes from: the first tensor back along first inputs that no node of those that `passes` lets through
 * has made. O(nodes).
 */
export function originsOf(
  graph: GraphIndex,
  passes: (node: NodeProto) => boolean,
): (tensor: string) => string {
  const origins = new Map<string, string>();
  for (const node of graph.nodes) {
    if (!passes(node)) continue;
    const source = node.input[0] ?? '';
    for (const output of node.output) origins.set(output, origins.get(source) ?? source);
  }
  return (tensor) => origins.get(tensor) ?? tensor;
}
