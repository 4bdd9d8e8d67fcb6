import { type ModelProto, type NodeProto, TensorProto_DataType } from 'onnx-buf';
import { ServingError } from '../config/errors.ts';
import { subgraphs } from './attributes.ts';
import { type Decomposition, findDecompositions } from './decompositions.ts';
import { matchesGlob } from './glob.ts';
import { type GraphIndex, indexGraph } from './graph.ts';
import { standardOpset } from './model-file.ts';
import { RESERVED_PREFIX, THRESHOLD_INPUT, tapName } from './names.ts';
import { opOf } from './op.ts';
import { answerReason } from './rules/flow.ts';
import { fullyConnectedRule, layerReason } from './rules/linear.ts';
import { linearInputRule } from './rules/linear-inputs.ts';
import { isNonlinearity, pointwiseRule } from './rules/pointwise.ts';
import { hit, type Match, miss, type SiteRule } from './rules/rule.ts';

/** `activations`: what nonlinear and hidden fully connected layers put out. `linear-inputs`: what linear layers read. */
export type SiteScheme = 'activations' | 'linear-inputs';

/** A tensor that gets a gate. */
export interface Site {
  /** Position in the threshold input. */
  readonly index: number;
  /** The node's name, or the tensor's where the node has none; unique. */
  readonly name: string;
  readonly op: string;
  readonly tensor: string;
  readonly isNonNegative: boolean;
  readonly elementType: 'float32' | 'float16';
  /** The graph output that shows the tensor before its gate. */
  readonly tap: string;
}

/** A tensor that looked like a site and gets no gate. */
export interface SkippedSite {
  readonly name: string;
  readonly op: string;
  readonly tensor: string;
  readonly reason: string;
}

export interface SiteOptions {
  readonly scheme: SiteScheme;
  /** Globs over site names (`*`, `?`); none: every site. */
  readonly include?: readonly string[] | undefined;
  readonly exclude?: readonly string[] | undefined;
}

export interface SiteList {
  readonly sites: readonly Site[];
  readonly skipped: readonly SkippedSite[];
}

/** The first opset whose elementwise operators broadcast. */
const OLDEST_OPSET = 7;

/**
 * Lists, in graph order, the tensors of a model that can be gated and those that cannot, with the reason.
 * Finding none is a result.
 *
 * @throws ServingError MODEL_INVALID if taustat has already added gates or taps to the model.
 */
export function findSites(model: ModelProto, options: SiteOptions): SiteList {
  const graph = indexGraph(model);
  refuseInstrumented(graph);
  const opset = standardOpset(model);
  const sites: Site[] = [];
  const skipped: SkippedSite[] = [];
  const names = new Set<string>();
  for (const match of matches(graph, options.scheme)) {
    const { op, tensor } = match;
    const name = uniqueName(match.node.name || tensor, names);
    const decline = (reason: string): unknown => skipped.push({ name, op, tensor, reason });
    if (match.kind === 'miss') {
      decline(match.reason);
      continue;
    }
    const reason = obstacle(tensor, graph, opset, options.scheme) ?? filterReason(name, options);
    if (reason !== undefined) {
      decline(reason);
      continue;
    }
    const index = sites.length;
    const elementType = graph.elementType(tensor) === TensorProto_DataType.FLOAT16 ? 'float16' : 'float32';
    const { isNonNegative } = match;
    sites.push({ index, name, op, tensor, isNonNegative, elementType, tap: tapName(index) });
  }
  return { sites, skipped };
}

function refuseInstrumented(graph: GraphIndex): void {
  const own = graph.nodes.flatMap(({ input, output }) => [...input, ...output]);
  const name = own.find((tensor) => tensor.startsWith(RESERVED_PREFIX));
  if (!graph.isInput(THRESHOLD_INPUT) && name === undefined) return;
  throw new ServingError(
    'MODEL_INVALID',
    `tensor '${name ?? THRESHOLD_INPUT}': taustat has already instrumented this model; expected the original`,
  );
}

function* matches(graph: GraphIndex, scheme: SiteScheme): Generator<Match> {
  const decompositions = scheme === 'activations' ? findDecompositions(graph) : [];
  const rules = rulesOf(scheme, decompositions);
  const inner = new Set(decompositions.flatMap(({ nodes }) => [...nodes]));
  const roots = new Map(decompositions.map((decomposition) => [decomposition.root, decomposition]));
  const seen = new Set<string>();
  for (const node of graph.nodes) {
    const root = roots.get(node);
    if (root === undefined && inner.has(node)) continue;
    const match = root === undefined ? firstMatch(node, graph, rules) : decomposed(root);
    if (match === undefined || seen.has(match.tensor)) continue;
    seen.add(match.tensor);
    yield match;
  }
}

function rulesOf(scheme: SiteScheme, decompositions: readonly Decomposition[]): readonly SiteRule[] {
  if (scheme === 'linear-inputs') return [linearInputRule];
  const reads = (node: NodeProto, tensor: string): boolean =>
    isNonlinearity(node) ||
    decompositions.some(({ variable, nodes }) => variable === tensor && nodes.has(node));
  return [pointwiseRule, fullyConnectedRule(reads)];
}

function firstMatch(node: NodeProto, graph: GraphIndex, rules: readonly SiteRule[]): Match | undefined {
  const tensor = node.output[0] ?? '';
  if (graph.isConstant(tensor)) return undefined;
  if (subgraphs(node).length > 0) {
    return miss(node, node.opType, tensor, `the body of ${node.opType} is left as it is`);
  }
  if (graph.isLocalFunction(node)) {
    return miss(node, node.opType, tensor, "a function of the model's own is left as it is");
  }
  const reason = layerReason(node);
  if (reason !== undefined) return miss(node, node.opType, tensor, reason);
  for (const rule of rules) {
    const match = rule.match(node, graph);
    if (match !== undefined) return match;
  }
  return undefined;
}

function decomposed({ op, root }: Decomposition): Match {
  return hit(root, op, root.output[0] ?? '', false);
}

/** Why a tensor that a rule has found can still not be gated. */
function obstacle(tensor: string, graph: GraphIndex, opset: number, scheme: SiteScheme): string | undefined {
  if (opset < OLDEST_OPSET) return `opset ${opset}: gates need opset ${OLDEST_OPSET} or later`;
  const type = graph.elementType(tensor);
  if (type === undefined) return 'element type cannot be told';
  if (type !== TensorProto_DataType.FLOAT && type !== TensorProto_DataType.FLOAT16) {
    const found = (TensorProto_DataType[type] ?? String(type)).toLowerCase();
    return `element type ${found}: only float and float16 are gated`;
  }
  if (scheme === 'linear-inputs') return undefined;
  const answer = answerReason(tensor, graph);
  if (answer !== undefined) return answer;
  if (graph.consumers(tensor).length === 0) return 'nothing reads it';
  return divides(tensor, graph) ? 'a zero is outside the domain of what reads it' : undefined;
}

function divides(tensor: string, graph: GraphIndex): boolean {
  return graph.consumers(tensor).some((node) => {
    const op = opOf(node);
    const [first, second] = node.input;
    if (op === 'Pow') return first === tensor && !((graph.scalar(second ?? '') ?? -1) >= 0);
    return op === 'Log' || op === 'Reciprocal' || (op === 'Div' && second === tensor);
  });
}

function filterReason(name: string, { include = [], exclude = [] }: SiteOptions): string | undefined {
  if (include.length > 0 && !include.some((glob) => matchesGlob(name, glob))) return 'not included';
  const glob = exclude.find((pattern) => matchesGlob(name, pattern));
  return glob === undefined ? undefined : `excluded by '${glob}'`;
}

function uniqueName(wanted: string, taken: Set<string>): string {
  let name = wanted;
  for (let copy = 2; taken.has(name); copy++) name = `${wanted}#${copy}`;
  taken.add(name);
  return name;
}
