import type { GraphProto, ModelProto, NodeProto } from 'onnx-buf';
import { ServingError } from '../errors.ts';
import { subgraphs } from './attributes.ts';
import { elementTypes } from './element-types.ts';
import { assertComplete } from './model-file.ts';
import { opOf } from './op.ts';
import { scalarOf, scalarOfConstant } from './scalar.ts';

/** Who makes and who reads each tensor of the main graph. */
export interface GraphIndex {
  readonly nodes: readonly NodeProto[];
  /** The node that makes a tensor; undefined for inputs and initializers. */
  producer(tensor: string): NodeProto | undefined;
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
 * @throws ServingError MODEL_INVALID if two nodes make the same tensor.
 */
export function indexGraph(model: ModelProto): GraphIndex {
  assertComplete(model);
  const { graph } = model;
  const producers = producersOf(graph);
  const consumers = consumersOf(graph);
  const constants = constantsOf(graph);
  const types = elementTypes(graph);
  const initializers = new Map(graph.initializer.map((tensor) => [tensor.name, tensor]));
  const inputs = new Set(graph.input.map(({ name }) => name).filter((name) => !constants.has(name)));
  const outputs = new Set(graph.output.map(({ name }) => name));
  const functions = new Set(model.functions.map(({ domain, name }) => `${domain}.${name}`));

  const scalar = (tensor: string): number | undefined => {
    const initializer = initializers.get(tensor);
    if (initializer !== undefined) return scalarOf(initializer);
    const node = producers.get(tensor);
    if (node === undefined || !constants.has(tensor)) return undefined;
    if (opOf(node) === 'Constant') return scalarOfConstant(node);
    return ['Identity', 'Cast'].includes(opOf(node)) ? scalar(node.input[0] ?? '') : undefined;
  };

  return {
    nodes: graph.node,
    producer: (tensor) => producers.get(tensor),
    consumers: (tensor) => consumers.get(tensor) ?? [],
    isInput: (tensor) => inputs.has(tensor),
    isOutput: (tensor) => outputs.has(tensor),
    isConstant: (tensor) => constants.has(tensor),
    scalar,
    elementType: (tensor) => types.get(tensor),
    isLocalFunction: ({ domain, opType }) => functions.has(`${domain}.${opType}`),
  };
}

function producersOf(graph: GraphProto): ReadonlyMap<string, NodeProto> {
  const producers = new Map<string, NodeProto>();
  for (const node of graph.node) {
    for (const tensor of node.output) {
      if (tensor === '') continue;
      if (producers.has(tensor)) {
        throw new ServingError('MODEL_INVALID', `tensor '${tensor}': made by two nodes; expected one`);
      }
      producers.set(tensor, node);
    }
  }
  return producers;
}

function consumersOf(graph: GraphProto): ReadonlyMap<string, readonly NodeProto[]> {
  const consumers = new Map<string, NodeProto[]>();
  for (const node of graph.node) {
    for (const tensor of new Set([...node.input, ...subgraphs(node).flatMap(namesIn)])) {
      if (tensor === '') continue;
      const readers = consumers.get(tensor);
      if (readers === undefined) consumers.set(tensor, [node]);
      else readers.push(node);
    }
  }
  return consumers;
}

/** Every name that a body reads or returns, its own ones too: those cannot be names of the graph around it. */
function namesIn(body: GraphProto): string[] {
  const nodes = body.node.flatMap((node) => [...node.input, ...subgraphs(node).flatMap(namesIn)]);
  return [...nodes, ...body.output.map(({ name }) => name)];
}

function constantsOf(graph: GraphProto): ReadonlySet<string> {
  const constants = new Set(graph.initializer.map(({ name }) => name));
  for (const { values } of graph.sparseInitializer) if (values !== undefined) constants.add(values.name);
  for (const node of graph.node) {
    const given = node.input.filter((name) => name !== '');
    const isSource = opOf(node) === 'Constant';
    const isDerived = given.length > 0 && given.every((name) => constants.has(name));
    if (!isSource && (!isDerived || subgraphs(node).length > 0)) continue;
    for (const name of node.output) constants.add(name);
  }
  return constants;
}
