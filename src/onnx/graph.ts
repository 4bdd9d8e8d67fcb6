import type { GraphProto, ModelProto, NodeProto } from 'onnx-buf';
import { subgraphs } from './attributes.ts';
import { type BodyNames, bodyNames } from './bodies.ts';
import { elementTypes } from './element-types.ts';
import { assertComplete } from './model-file.ts';
import { opOf } from './op.ts';
import { inOrder, producersOf, readsOf } from './order.ts';
import { scalarOf, scalarOfConstant } from './scalar.ts';

/** The body of an If, a Loop or a Scan. */
export interface Body extends BodyNames {
  /** In it, the constants of the graphs around it are constants, too. */
  readonly graph: GraphIndex;
}

/** Who makes and who reads each tensor of the main graph, or of a body in it. */
export interface GraphIndex {
  /** Each after those that it reads from. */
  readonly nodes: readonly NodeProto[];
  /** The node that makes a tensor; undefined for inputs and initializers. */
  producer(tensor: string): NodeProto | undefined;
  /** What a node reads, each tensor once: its inputs, and what the bodies of an If, a Loop or a Scan capture. */
  reads(node: NodeProto): readonly string[];
  /** The nodes that read a tensor, each once, also those whose If, Loop or Scan body captures it. */
  consumers(tensor: string): readonly NodeProto[];
  /** The bodies of an If, a Loop or a Scan; none of any other node. */
  bodies(node: NodeProto): readonly Body[];
  /** Whether the graph itself makes, holds or is given the tensor; what else its nodes read lies around it. */
  isOwn(tensor: string): boolean;
  isInput(tensor: string): boolean;
  readonly outputs: readonly string[];
  isOutput(tensor: string): boolean;
  /** Whether the tensor depends on no graph input: a weight, however it is stored. */
  isConstant(tensor: string): boolean;
  /** The value of a constant of one element. */
  scalar(tensor: string): number | undefined;
  /** TensorProto.DataType of a tensor, undefined when it cannot be told. */
  elementType(tensor: string): number | undefined;
  /** Whether the node calls a function that the model itself defines. */
  isLocalFunction(node: NodeProto): boolean;
}

/**
 * Indexes the main graph of a model.
 *
 * @throws ServingError MODEL_INVALID if two nodes make the same tensor, or nodes read from each other in a circle.
 */
export function indexGraph(model: ModelProto): GraphIndex {
  assertComplete(model);
  const functions = new Set(model.functions.map(({ domain, name }) => `${domain}.${name}`));
  return indexOf(model.graph, functions, undefined);
}

/** @param around - the graph that a body lies in. */
function indexOf(
  graph: GraphProto,
  functions: ReadonlySet<string>,
  around: GraphIndex | undefined,
): GraphIndex {
  const nodes = inOrder(graph.node);
  const producers = producersOf(nodes);
  const reads = new Map(nodes.map((node) => [node, readsOf(node)]));
  const consumers = consumersOf(reads);
  const given = new Set([...graph.input.map(({ name }) => name), ...storedIn(graph)]);
  const isOwn = (tensor: string): boolean => given.has(tensor) || producers.has(tensor);
  const isConstantAround = (tensor: string): boolean => !isOwn(tensor) && around?.isConstant(tensor) === true;
  const constants = constantsOf(graph, nodes, isConstantAround);
  const types = elementTypes(graph, nodes);
  const initializers = new Map(graph.initializer.map((tensor) => [tensor.name, tensor]));
  const inputs = new Set(graph.input.map(({ name }) => name).filter((name) => !constants.has(name)));
  const outputs = new Set(graph.output.map(({ name }) => name));
  const bodies = new Map<NodeProto, readonly Body[]>();

  const scalar = (tensor: string): number | undefined => {
    let name = tensor;
    for (;;) {
      const initializer = initializers.get(name);
      if (initializer !== undefined) return scalarOf(initializer);
      if (!isOwn(name)) return around?.scalar(name);
      const node = producers.get(name);
      if (node === undefined || !constants.has(name)) return undefined;
      if (opOf(node) === 'Constant') return scalarOfConstant(node);
      if (opOf(node) !== 'Identity' && opOf(node) !== 'Cast') return undefined;
      name = node.input[0] ?? '';
    }
  };

  const index: GraphIndex = {
    nodes,
    producer: (tensor) => producers.get(tensor),
    reads: (node) => reads.get(node) ?? [],
    consumers: (tensor) => consumers.get(tensor) ?? [],
    bodies: (node) => {
      const known = bodies.get(node);
      if (known !== undefined) return known;
      const found = subgraphs(node).map((body) => ({
        ...bodyNames(node, body),
        graph: indexOf(body, functions, index),
      }));
      bodies.set(node, found);
      return found;
    },
    isOwn,
    isInput: (tensor) => inputs.has(tensor),
    outputs: [...outputs],
    isOutput: (tensor) => outputs.has(tensor),
    isConstant: (tensor) => constants.has(tensor) || isConstantAround(tensor),
    scalar,
    elementType: (tensor) => types.get(tensor),
    isLocalFunction: ({ domain, opType }) => functions.has(`${domain}.${opType}`),
  };
  return index;
}

/** A node that reads a tensor, and the graph that it is a node of. */
export interface Reader {
  readonly node: NodeProto;
  readonly graph: GraphIndex;
}

/** What reads a tensor in the end: in place of an If, a Loop or a Scan, the nodes of its bodies. */
export function* readersOf(tensor: string, graph: GraphIndex): Generator<Reader> {
  for (const node of graph.consumers(tensor)) {
    const bodies = graph.bodies(node);
    if (bodies.length === 0) yield { node, graph };
    for (const { graph: body, given } of bodies) {
      if (!body.isOwn(tensor)) yield* readersOf(tensor, body);
      for (const [outer, inner] of given) if (outer === tensor) yield* readersOf(inner, body);
    }
  }
}

function consumersOf(
  reads: ReadonlyMap<NodeProto, readonly string[]>,
): ReadonlyMap<string, readonly NodeProto[]> {
  const consumers = new Map<string, NodeProto[]>();
  for (const [node, tensors] of reads) {
    for (const tensor of tensors) {
      const readers = consumers.get(tensor);
      if (readers === undefined) consumers.set(tensor, [node]);
      else readers.push(node);
    }
  }
  return consumers;
}

/** The names of the tensors that a graph stores. */
function storedIn({ initializer, sparseInitializer }: GraphProto): string[] {
  return [
    ...initializer.map(({ name }) => name),
    ...sparseInitializer.flatMap(({ values }) => values?.name ?? []),
  ];
}

function constantsOf(
  graph: GraphProto,
  nodes: readonly NodeProto[],
  isConstantAround: (tensor: string) => boolean,
): ReadonlySet<string> {
  const constants = new Set(storedIn(graph));
  const isConstant = (tensor: string): boolean => constants.has(tensor) || isConstantAround(tensor);
  for (const node of nodes) {
    const given = node.input.filter((name) => name !== '');
    const isSource = opOf(node) === 'Constant';
    const isDerived = given.length > 0 && given.every(isConstant);
    if (!isSource && (!isDerived || subgraphs(node).length > 0)) continue;
    for (const name of node.output) constants.add(name);
  }
  return constants;
}
