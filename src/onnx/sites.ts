import { type ModelProto, type NodeProto, TensorProto_DataType } from 'onnx-buf';
import { ServingError } from '../config/errors.ts';
import type { SiteScheme } from '../config/site-schemes.ts';
import { subgraphs } from './attributes.ts';
import { type Decomposition, findDecompositions } from './decompositions.ts';
import { matchesGlob } from './glob.ts';
import { type GraphIndex, indexGraph } from './graph.ts';
import { standardOpset } from './model-file.ts';
import { RESERVED_PREFIX, THRESHOLD_INPUT, tapName } from './names.ts';
import { type AnswerReason, answerReasons } from './rules/answer.ts';
import { domainReasons } from './rules/domain.ts';
import { fullyConnectedRule, layerReason } from './rules/linear.ts';
import { linearInputRule, normalizedInputRule } from './rules/linear-inputs.ts';
import { parameterReasons } from './rules/parameters.ts';
import { isNonlinearity, pointwiseRule } from './rules/pointwise.ts';
import { poleOf, poleOfDecomposition } from './rules/poles.ts';
import { type Hit, hit, type Match, miss, type SiteRule } from './rules/rule.ts';
import { skippableTensors } from './rules/skippable.ts';

/** A tensor that gets a gate. */
export interface Site {
  /** Position in the threshold input. */
  readonly index: number;
  /** The node's name, or the tensor's where the node has none; unique. */
  readonly name: string;
  readonly op: string;
  readonly tensor: string;
  readonly isNonNegative: boolean;
  /** Who reads it pruned: all that read it, or linear layers alone, while a residual path, say, reads it whole. */
  readonly prunedFor: 'all' | 'linear-layers';
  /** The magnitude at which its activation function stands still below zero, in units of activation; null: it does nowhere. */
  readonly pole: number | null;
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
 * @param obstacleBesides - why a tensor that could be gated is not to be.
 * @throws ServingError MODEL_INVALID if taustat has already added gates or taps to the model.
 */
export function findSites(
  model: ModelProto,
  options: SiteOptions,
  obstacleBesides: (tensor: string) => string | undefined = () => undefined,
): SiteList {
  const graph = indexGraph(model);
  refuseInstrumented(graph);
  const answerReason = answerReasons(graph);
  const obstacle = obstacleTo(graph, standardOpset(model), options.scheme, answerReason);
  const sites: Site[] = [];
  const skipped: SkippedSite[] = [];
  const names = new UniqueNames();
  for (const match of matches(graph, options.scheme, answerReason)) {
    const { op, tensor } = match;
    const name = names.take(match.node.name || tensor);
    const decline = (reason: string): unknown => skipped.push({ name, op, tensor, reason });
    if (match.kind === 'miss') {
      decline(match.reason);
      continue;
    }
    const reason = obstacle(match) ?? filterReason(name, options) ?? obstacleBesides(tensor);
    if (reason !== undefined) {
      decline(reason);
      continue;
    }
    const index = sites.length;
    const elementType = graph.elementType(tensor) === TensorProto_DataType.FLOAT16 ? 'float16' : 'float32';
    const { isNonNegative, prunedFor, pole } = match;
    sites.push({ index, name, op, tensor, isNonNegative, prunedFor, pole, elementType, tap: tapName(index) });
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

function* matches(graph: GraphIndex, scheme: SiteScheme, answerReason: AnswerReason): Generator<Match> {
  const written = findDecompositions(graph);
  const inputs = inputRules(graph, scheme, written);
  const outputs = scheme === 'linear-inputs' ? [] : outputRules(graph, written, answerReason);
  const decompositions = scheme === 'linear-inputs' ? [] : written;
  const inner = new Set(decompositions.flatMap(({ nodes }) => [...nodes]));
  const roots = new Map(decompositions.map((decomposition) => [decomposition.root, decomposition]));
  const seen = new Set<string>();
  for (const node of graph.nodes) {
    const root = roots.get(node);
    if (root === undefined && inner.has(node)) continue;
    const found =
      root === undefined
        ? [firstMatch(node, graph, inputs), firstMatch(node, graph, outputs)]
        : [decomposed(root)];
    for (const match of found) {
      if (match === undefined || seen.has(match.tensor)) continue;
      seen.add(match.tensor);
      yield match;
    }
  }
}

/** What linear layers read. */
function inputRules(
  graph: GraphIndex,
  scheme: SiteScheme,
  decompositions: readonly Decomposition[],
): readonly SiteRule[] {
  if (scheme === 'activations') return [];
  if (scheme === 'auto') return [normalizedInputRule(graph)];
  const ops = new Map(decompositions.map(({ root, op }) => [root, op]));
  const poleAt = (node: NodeProto): number | null => {
    const op = ops.get(node);
    return op === undefined ? poleOf(node) : poleOfDecomposition(op);
  };
  return [linearInputRule(graph, poleAt)];
}

/** What layers put out. */
function outputRules(
  graph: GraphIndex,
  decompositions: readonly Decomposition[],
  answerReason: AnswerReason,
): readonly SiteRule[] {
  const variables = new Map(
    decompositions.flatMap(({ variable, nodes }) => [...nodes].map((node) => [node, variable] as const)),
  );
  const reads = (node: NodeProto, tensor: string): boolean =>
    isNonlinearity(node) || variables.get(node) === tensor;
  return [pointwiseRule, fullyConnectedRule(graph, answerReason, reads)];
}

function firstMatch(node: NodeProto, graph: GraphIndex, rules: readonly SiteRule[]): Match | undefined {
  if (rules.length === 0) return undefined;
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
  return hit(root, op, root.output[0] ?? '', false, poleOfDecomposition(op));
}

/** Why a tensor that a rule has found can still not be gated. */
function obstacleTo(
  graph: GraphIndex,
  opset: number,
  scheme: SiteScheme,
  answerReason: AnswerReason,
): (match: Pick<Hit, 'tensor' | 'prunedFor'>) => string | undefined {
  const domainReason = domainReasons(graph);
  const parameterReason = parameterReasons(graph);
  const skippable = scheme === 'auto' ? skippableTensors(graph) : undefined;
  return ({ tensor, prunedFor }) => {
    if (opset < OLDEST_OPSET) return `opset ${opset}: gates need opset ${OLDEST_OPSET} or later`;
    const type = graph.elementType(tensor);
    if (type === undefined) return 'element type cannot be told';
    if (type !== TensorProto_DataType.FLOAT && type !== TensorProto_DataType.FLOAT16) {
      const found = (TensorProto_DataType[type] ?? String(type)).toLowerCase();
      return `element type ${found}: only float and float16 are gated`;
    }
    if (prunedFor === 'linear-layers') return undefined;
    const answer = answerReason(tensor);
    if (answer !== undefined) return answer;
    if (graph.consumers(tensor).length === 0) return 'nothing reads it';
    const reason = domainReason(tensor) ?? parameterReason(tensor);
    if (reason !== undefined || skippable === undefined || skippable.has(tensor)) return reason;
    return 'no layer that could skip its zeros reads it';
  };
}

function filterReason(name: string, { include = [], exclude = [] }: SiteOptions): string | undefined {
  if (include.length > 0 && !include.some((glob) => matchesGlob(name, glob))) return 'not included';
  const glob = exclude.find((pattern) => matchesGlob(name, pattern));
  return glob === undefined ? undefined : `excluded by '${glob}'`;
}

/** Names that are each given once: a second 'act' is 'act#2'. */
class UniqueNames {
  readonly #taken = new Set<string>();
  readonly #copies = new Map<string, number>();

  /** O(1) on average, however often the same name is wanted. */
  take(wanted: string): string {
    let copy = this.#copies.get(wanted) ?? 1;
    let name = copy === 1 ? wanted : `${wanted}#${copy}`;
    while (this.#taken.has(name)) name = `${wanted}#${++copy}`;
    this.#copies.set(wanted, copy);
    this.#taken.add(name);
    return name;
  }
}
