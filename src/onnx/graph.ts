import type { GraphProto, ModelProto, NodeProto } from 'onnx-buf';
import { subgraphs } from './attributes.ts';
import { elementTypes } from './element-types.ts';
import { assertComplete } from './model-file.ts';
import { opOf } from './op.ts';
import { inOrder, producersOf, readsOf } from './order.ts';
import { scalarOf, scalarOfConstant } from './scalar.ts';

/** Who makes and who reads each tensor of the main graph. */
export interface GraphIndex {
  /** Each after those that it reads from. */
  readonly nodes: readonly NodeProto[];
  /** The node that makes a tensor; undefined for inputs and initializers. */
  producer(tensor: string): NodeProto | undefined;
  /** What a node reads, each tensor once: its inputs, and what the bodies of an If, a Loop or a Scan capture. */
  reads(node: NodeProto): readonly string[];
  /** The nodes that read a tensor, each once, also those whose If, Loop or Scan body captures it. */
  consumers(tensor: string): readonly NodeProto[];
  isInput(tensor: string): boolean;
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
  const { graph } = model;
  const nodes = inOrder(graph.node);
  const producers = producersOf(nodes);
  const reads = new Map(nodes.map((node) => [node, readsOf(node)]));
  const consumers = consumersOf(reads);
  const constants = constantsOf(graph, nodes);
  const types = elementTypes(graph, nodes);
  const initializers = new Map(graph.initializer.map((tensor) => [tensor.name, tensor]));
  const inputs = new Set(graph.input.map(({ name }) => name).filter((name) => !constants.has(name)));
  const outputs = new Set(graph.output.map(({ name }) => name));
  const functions = new Set(model.functions.map(({ domain, name }) => `${domain}.${name}`));

  const scalar = (tensor: string): number | undefined => {
    let name = tensor;
    for (;;) {
      const initializer = initializers.get(name);
      if (initializer !== undefined) return scalarOf(initializer);
      const node = producers.get(name);
      if (node === undefined || !constants.has(name)) return undefined;
      if (opOf(node) === 'Constant') return scalarOfConstant(node);
      if (opOf(node) !== 'Identity' && opOf(node) !== 'Cast') return undefined;
      name = node.input[0] ?? '';
    }
  };

  return {
    nodes,
    producer: (tensor) => producers.get(tensor),
    reads: (node) => reads.get(node) ?? [],
    consumers: (tensor) => consumers.get(tensor) ?? [],
    isInput: (tensor) => inputs.has(tensor),
    isOutput: (tensor) => outputs.has(tensor),
    isConstant: (tensor) => constants.has(tensor),
    scalar,
    elementType: (tensor) => types.get(tensor),
    isLocalFunction: ({ domain, opType }) => functions.has(`${domain}.${opType}`),
  };
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

function constantsOf(graph: GraphProto, nodes: readonly NodeProto[]): ReadonlySet<string> {
  const constants = new Set(graph.initializer.map(({ name }) => name));
  for (const { values } of graph.sparseInitializer) if (values !== undefined) constants.add(values.name);
  for (const node of nodes) {
    const given = node.input.filter((name) => name !== '');
    const isSource = opOf(node) === 'Constant';
    const isDerived = given.length > 0 && given.every((name) => constants.has(name));
    if (!isSource && (!isDerived || subgraphs(node).length > 0)) continue;
    for (const name of node.output) constants.add(name);
  }
  return constants;
}
