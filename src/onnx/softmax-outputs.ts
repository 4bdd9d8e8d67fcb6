import type { ModelProto } from 'onnx-buf';
import { type GraphIndex, indexGraph } from './graph.ts';
import { opOf } from './op.ts';

/** What hands numbers on as they are. */
const HANDED_ON = new Set(['Identity', 'Cast', 'Reshape', 'Flatten', 'Squeeze', 'Unsqueeze']);

/**
 * The outputs where a graph ends in Softmax or LogSoftmax: class probabilities, or their logarithms. Of an If, all branches
 * have to; of a Loop or a Scan, the body.
 */
export function softmaxOutputs(model: ModelProto): readonly string[] {
  const graph = indexGraph(model);
  return (model.graph?.output ?? [])
    .map(({ name }) => name)
    .filter((output) => endsInSoftmax(output, [graph]));
}

/** @param graphs - the one that the tensor is read in, and those around it, outermost first. */
function endsInSoftmax(output: string, graphs: readonly GraphIndex[]): boolean {
  let scope = graphs;
  for (let tensor = output; ; ) {
    scope = scope.slice(0, scope.findLastIndex((graph) => graph.isOwn(tensor)) + 1);
    const graph = scope.at(-1);
    const node = graph?.producer(tensor);
    if (graph === undefined || node === undefined) return false;
    const bodies = graph.bodies(node);
    if (bodies.length > 0)
      return bodies.every((body) =>
        body.results.some(
          ([outer, inner]) => outer === tensor && endsInSoftmax(inner, [...scope, body.graph]),
        ),
      );
    const op = opOf(node);
    if (op === 'Softmax' || op === 'LogSoftmax') return true;
    if (!HANDED_ON.has(op)) return false;
    tensor = node.input[0] ?? '';
  }
}
