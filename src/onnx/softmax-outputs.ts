import type { ModelProto } from 'onnx-buf';
import { indexGraph } from './graph.ts';
import { opOf } from './op.ts';

/** What hands numbers on as they are. */
const HANDED_ON = new Set(['Identity', 'Cast', 'Reshape', 'Flatten', 'Squeeze', 'Unsqueeze']);

/** The outputs where a graph ends in Softmax or LogSoftmax: class probabilities, or their logarithms. */
export function softmaxOutputs(model: ModelProto): readonly string[] {
  const graph = indexGraph(model);
  const endsInSoftmax = (output: string): boolean => {
    for (let tensor = output; ; ) {
      const node = graph.producer(tensor);
      if (node === undefined) return false;
      const op = opOf(node);
      if (op === 'Softmax' || op === 'LogSoftmax') return true;
      if (!HANDED_ON.has(op)) return false;
      tensor = node.input[0] ?? '';
    }
  };
  return (model.graph?.output ?? []).map(({ name }) => name).filter(endsInSoftmax);
}
