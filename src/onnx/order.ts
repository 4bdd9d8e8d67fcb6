import type { GraphProto, NodeProto } from 'onnx-buf';
import { ServingError } from '../config/errors.ts';
import { subgraphs } from './attributes.ts';

/**
 * Nodes so that each one follows those that it reads from; in the file's own order where that is such an order.
 *
 * @throws ServingError MODEL_INVALID if two nodes make the same tensor, or nodes read from each other in a circle.
 */
export function inOrder(nodes: readonly NodeProto[]): readonly NodeProto[] {
  const producers = producersOf(nodes);
  const ordered: NodeProto[] = [];
  const state = new Map<NodeProto, 'open' | 'done'>();
  for (const root of nodes) {
    const path = [root];
    for (let node = path.at(-1); node !== undefined; node = path.at(-1)) {
      if (state.has(node)) {
        path.pop();
        if (state.get(node) === 'open') ordered.push(node);
        state.set(node, 'done');
        continue;
      }
      state.set(node, 'open');
      for (const source of readsOf(node).flatMap((tensor) => producers.get(tensor) ?? [])) {
        if (state.get(source) === 'open') throw circle(source);
        if (!state.has(source)) path.push(source);
      }
    }
  }
  return ordered;
}

function circle({ name, opType }: NodeProto): ServingError {
  return new ServingError('MODEL_INVALID', `node '${name || opType}': its input depends on its own output`);
}

/** What a node reads: its inputs, and what the bodies of an If, a Loop or a Scan capture. */
export function readsOf(node: NodeProto): string[] {
  const names = new Set([...node.input, ...subgraphs(node).flatMap(capturedBy)]);
  names.delete('');
  return [...names];
}

/** The names that a body reads or returns and does not make. */
function capturedBy(body: GraphProto): string[] {
  const own = new Set([
    ...body.input.map(({ name }) => name),
    ...body.initializer.map(({ name }) => name),
    ...body.sparseInitializer.map(({ values }) => values?.name),
    ...body.node.flatMap(({ output }) => output),
  ]);
  const read = [...body.node.flatMap(readsOf), ...body.output.map(({ name }) => name)];
  return read.filter((name) => !own.has(name));
}

/** The node that makes each tensor. */
export function producersOf(nodes: readonly NodeProto[]): ReadonlyMap<string, NodeProto> {
  const producers = new Map<string, NodeProto>();
  for (const node of nodes) {
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
