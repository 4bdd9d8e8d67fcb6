import { model, node, tensor, value } from './onnx/models.ts';

export const WIDTHS = [24, 64, 96, 10] as const;

/** Three layers of products, two of them with a ReLU. */
export function wideMlp(
  random: () => number,
  [inputs, one, two, outputs]: readonly [number, number, number, number] = WIDTHS,
  named = [value('y', ['n', outputs])],
) {
  const weights = (name: string, from: number, to: number) =>
    tensor(
      name,
      [from, to],
      Array.from({ length: from * to }, () => (random() - 0.5) / Math.sqrt(from / 12)),
    );
  return model({
    nodes: [
      node('MatMul', ['x', 'w1'], 'a', {}, { name: 'first' }),
      node('Relu', ['a'], 'b'),
      node('MatMul', ['b', 'w2'], 'c', {}, { name: 'second' }),
      node('Relu', ['c'], 'd'),
      node('MatMul', ['d', 'w3'], 'y', {}, { name: 'third' }),
    ],
    inputs: [value('x', ['n', inputs])],
    outputs: named,
    initializers: [weights('w1', inputs, one), weights('w2', one, two), weights('w3', two, outputs)],
  });
}
