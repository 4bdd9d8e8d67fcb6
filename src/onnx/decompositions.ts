/**
 * Nonlinearities that an exporter has written out in arithmetic: found from their one characteristic node (the anchor),
 * told apart by what they compute.
 *
 *   Gelu      ½·x·(1 + erf(x/√2)), ½·x·(1 + tanh(√(2/π)·(x + 0.044715·x³)))
 *   Silu      x·σ(x), x/(1 + e^−x)      QuickGelu  x·σ(1.702·x)
 *   HardSwish x·clip(x + 3, 0, 6)/6     Mish       x·tanh(ln(1 + e^x))
 */
import type { NodeProto } from 'onnx-buf';
import { expressionOf, isArithmetic } from './expression.ts';
import type { GraphIndex } from './graph.ts';
import { opOf } from './op.ts';

export interface Decomposition {
  readonly op: string;
  /** The node whose output is f(x). */
  readonly root: NodeProto;
  readonly variable: string;
  /** Every node between x and f(x), the root too. */
  readonly nodes: ReadonlySet<NodeProto>;
}

const ANCHORS: ReadonlySet<string> = new Set([
  'Erf',
  'Tanh',
  'Sigmoid',
  'HardSigmoid',
  'Clip',
  'Softplus',
  'Exp',
  'Relu',
]);

const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x));
const TARGETS: readonly { readonly op: string; readonly f: (x: number) => number }[] = [
  {
    op: 'Gelu',
    f: (x) => 0.5 * x * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3))),
  },
  { op: 'Silu', f: (x) => x * sigmoid(x) },
  { op: 'QuickGelu', f: (x) => x * sigmoid(1.702 * x) },
  { op: 'HardSwish', f: (x) => (x * Math.min(6, Math.max(0, x + 3))) / 6 },
  { op: 'Mish', f: (x) => x * Math.tanh(Math.log1p(Math.exp(x))) },
];

/** Erf and tanh forms of Gelu differ by at most 5e-4, constants kept in float16 add less; two targets by 2e-2. */
const TOLERANCE = 4e-3;
const SAMPLES = [-5, -3.5, -2.5, -1.75, -1, -0.5, -0.125, 0, 0.25, 0.75, 1.5, 2, 2.75, 4, 6];

const MAX_BACK = 8;
const MAX_FORWARD = 6;

/** Every decomposition of the main graph, in file order of the anchors. No node is in two of them. */
export function findDecompositions(graph: GraphIndex): Decomposition[] {
  const found: Decomposition[] = [];
  const claimed = new Set<NodeProto>();
  for (const anchor of graph.nodes) {
    if (!ANCHORS.has(opOf(anchor)) || claimed.has(anchor)) continue;
    const decomposition = decompositionAround(anchor, graph);
    if (decomposition === undefined) continue;
    for (const node of decomposition.nodes) claimed.add(node);
    found.push(decomposition);
  }
  return found;
}

function decompositionAround(anchor: NodeProto, graph: GraphIndex): Decomposition | undefined {
  const variables = ancestors(anchor, graph);
  for (const root of descendants(anchor, graph)) {
    for (const variable of variables) {
      const expression = expressionOf(root.output[0] ?? '', variable, graph);
      if (expression === undefined || !expression.nodes.has(anchor)) continue;
      const target = TARGETS.find(({ f }) => SAMPLES.every((x) => isClose(expression.at(x), f(x))));
      if (target !== undefined) return { op: target.op, root, variable, nodes: expression.nodes };
    }
  }
  return undefined;
}

function isClose(a: number, b: number): boolean {
  return Math.abs(a - b) <= TOLERANCE * (1 + Math.abs(b));
}

/** The tensors that may be x: what the anchor reads, then further back through arithmetic, nearest first. */
function ancestors(anchor: NodeProto, graph: GraphIndex): ReadonlySet<string> {
  const seen = new Set<string>();
  let level = [anchor];
  for (let step = 0; step < MAX_BACK && level.length > 0; step++) {
    const inputs = level.flatMap(({ input }) => input).filter((name) => !graph.isConstant(name));
    const fresh = inputs.filter((name) => name !== '' && !seen.has(name));
    for (const name of fresh) seen.add(name);
    level = [...new Set(fresh)].flatMap((name) => graph.producer(name) ?? []).filter(isArithmetic);
  }
  return seen;
}

/** The nodes that follow the anchor, one reader at a time, through arithmetic. */
function descendants(anchor: NodeProto, graph: GraphIndex): NodeProto[] {
  const chain: NodeProto[] = [];
  let node = anchor;
  for (let step = 0; step < MAX_FORWARD; step++) {
    const tensor = node.output[0] ?? '';
    const [next, ...others] = graph.consumers(tensor);
    if (next === undefined || others.length > 0 || graph.isOutput(tensor) || !isArithmetic(next)) break;
    chain.push(next);
    node = next;
  }
  return chain;
}
