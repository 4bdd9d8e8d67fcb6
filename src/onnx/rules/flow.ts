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

/** @param graph - the one that the node is in: the main graph, or the body of an If, a Loop or a Scan. */
export type Step<T> = (node: NodeProto, tensor: string, graph: GraphIndex) => Passage<T>;

/**
 * What each tensor of the main graph reaches: what `step` finds at a node that reads it, or behind nodes where `step` says
 * `pass`. The nodes inside an If, a Loop or a Scan read it themselves; the node around them is asked for what it finds alone. A
 * node that reads the shape alone is no reader. Last node first, once more for whatever a loop carries round. O(edges) without
 * loops.
 *
 * @param found - what is known of tensors from the start.
 * @returns one finding per tensor; no entry where there is none.
 */
export function reached<T>(
  graph: GraphIndex,
  step: Step<T>,
  found: ReadonlyMap<string, T> = new Map(),
): ReadonlyMap<string, T> {
  const findings = new Map(found);
  const places = placesIn(graph, '', (tensor) => tensor).reverse();
  while (sweep(places, findings, step));
  return findings;
}

/** Where a tensor is read, or goes by another name. */
type Place =
  | { readonly kind: 'node'; readonly node: NodeProto; readonly graph: GraphIndex; readonly keyOf: KeyOf }
  | { readonly kind: 'link'; readonly from: string; readonly to: string; readonly isBack: boolean };

/** A name that is unique over the main graph and all bodies. */
type KeyOf = (tensor: string) => string;

function placesIn(graph: GraphIndex, path: string, keyOf: KeyOf): Place[] {
  return graph.nodes.flatMap((node, i): Place[] => [
    { kind: 'node', node, graph, keyOf },
    ...graph.bodies(node).flatMap((body, j): Place[] => {
      const within = `${path}${i}.${j}\0`;
      const inside: KeyOf = (tensor) => (body.graph.isOwn(tensor) ? within + tensor : keyOf(tensor));
      const link = (from: string, to: string, isBack = false): Place => ({ kind: 'link', from, to, isBack });
      return [
        ...body.carried.map(([result, input]) => link(inside(result), inside(input), true)),
        ...body.given.map(([outer, inner]) => link(keyOf(outer), inside(inner))),
        ...placesIn(body.graph, within, inside),
        ...body.results.map(([outer, inner]) => link(inside(inner), keyOf(outer))),
        ...body.past.map(([input, output]) => link(keyOf(input), keyOf(output))),
      ];
    }),
  ]);
}

/** @returns whether a loop carries a new finding round, so that another sweep may find more. */
function sweep<T>(places: readonly Place[], findings: Map<string, T>, step: Step<T>): boolean {
  let isAgain = false;
  const note = (key: string, finding: T | undefined): boolean => {
    if (finding === undefined || findings.has(key)) return false;
    findings.set(key, finding);
    return true;
  };
  for (const place of places) {
    if (place.kind === 'link') {
      const isNew = note(place.from, findings.get(place.to));
      isAgain ||= isNew && place.isBack;
      continue;
    }
    const { node, graph, keyOf } = place;
    if (opOf(node) === 'Shape' || opOf(node) === 'Size') continue;
    const isAround = graph.bodies(node).length > 0;
    const behind = node.output.map(keyOf).find((output) => findings.has(output));
    for (const tensor of graph.reads(node)) {
      const key = keyOf(tensor);
      if (findings.has(key)) continue;
      const passage = step(node, tensor, graph);
      if (typeof passage === 'object') note(key, passage.found);
      else if (passage === 'pass' && behind !== undefined && !isAround) note(key, findings.get(behind));
    }
  }
  return isAgain;
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
