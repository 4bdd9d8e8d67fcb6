import type { NodeProto } from 'onnx-buf';
import { intAttribute } from '../attributes.ts';
import type { GraphIndex } from '../graph.ts';
import { opOf } from '../op.ts';
import { reached } from './flow.ts';
import { dataInput } from './linear.ts';

/** Operators that a zero passes through as one. */
const MOVES: ReadonlySet<string> = new Set(
  'Identity Reshape Flatten Squeeze Unsqueeze Transpose MaxPool'.split(' '),
);

/** Tensors whose zeros a linear layer could skip: one reads them, with all channels in one group. O(edges). */
export function skippableTensors(graph: GraphIndex): ReadonlySet<string> {
  const isLayer = (node: NodeProto, tensor: string, around: GraphIndex): boolean => {
    const position = dataInput(node, around);
    return (
      position !== undefined && node.input[position] === tensor && (intAttribute(node, 'group') ?? 1) === 1
    );
  };
  const found = reached(graph, (node, tensor, around) => {
    if (isLayer(node, tensor, around)) return { found: true };
    return MOVES.has(opOf(node)) && node.input[0] === tensor ? 'pass' : 'end';
  });
  return new Set(found.keys());
}
