import fc from 'fast-check';
import type { ModelProto, NodeProto, TensorProto } from 'onnx-buf';
import { expect, it } from 'vitest';
import { instrument } from '../../src/onnx/instrument.ts';
import { model, node, tensor, value } from './models.ts';
import { type Feeds, floats, numbers, prunedOutputs, run, thresholds } from './reference.ts';

const ACTIVATIONS = [
  'Relu',
  'LeakyRelu',
  'Elu',
  'Softplus',
  'Softsign',
  'Tanh',
  'Silu',
  'Gelu',
  'none',
] as const;

const layer = fc.record({
  width: fc.integer({ min: 1, max: 6 }),
  activation: fc.constantFrom(...ACTIVATIONS),
});
const network = fc.record({
  convolutions: fc.array(layer, { maxLength: 2 }),
  layers: fc.array(layer, { minLength: 1, maxLength: 3 }),
  seed: fc.integer(),
  threshold: fc.double({ min: 0, max: 1.5, noNaN: true }),
  batch: fc.integer({ min: 1, max: 3 }),
  opset: fc.constantFrom(11, 13, 17, 21),
});
type Network = typeof network extends fc.Arbitrary<infer T> ? T : never;

const SIDE = 4;

/** Numbers in [-1, 1), the same for the same seed. A linear congruential generator. */
function generator(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 0x915f77f5) + 1) >>> 0;
    return state / 2 ** 31 - 1;
  };
}

function activate(kind: (typeof ACTIVATIONS)[number], from: string, to: string): NodeProto[] {
  switch (kind) {
    case 'none':
      return [node('Identity', [from], to)];
    case 'Silu':
      return [node('Sigmoid', [from], `${to}_s`), node('Mul', [from, `${to}_s`], to)];
    case 'Gelu':
      return [
        node('Div', [from, 'root2'], `${to}_d`),
        node('Erf', [`${to}_d`], `${to}_e`),
        node('Add', [`${to}_e`, 'one'], `${to}_p`),
        node('Mul', [from, `${to}_p`], `${to}_m`),
        node('Mul', [`${to}_m`, 'half'], to),
      ];
    default:
      return [node(kind, [from], to)];
  }
}

function build({ convolutions, layers, seed, batch, opset }: Network): { source: ModelProto; feeds: Feeds } {
  const random = generator(seed);
  const weights = (name: string, dims: readonly number[]): TensorProto => {
    const count = dims.reduce((product, size) => product * size, 1);
    return tensor(name, dims, Array.from({ length: count }, random));
  };
  const nodes: NodeProto[] = [];
  const initializers = [tensor('root2', [], [Math.SQRT2]), tensor('one', [], [1]), tensor('half', [], [0.5])];
  let from = 'x';
  let channels = 2;
  for (const [i, { width, activation }] of convolutions.entries()) {
    initializers.push(weights(`k${i}`, [width, channels, 3, 3]));
    nodes.push(node('Conv', [from, `k${i}`], `c${i}`, { pads: [1n, 1n, 1n, 1n] }));
    nodes.push(...activate(activation, `c${i}`, `ca${i}`));
    from = `ca${i}`;
    channels = width;
  }
  nodes.push(node('Flatten', [from], 'flat'));
  from = 'flat';
  let size = channels * SIDE * SIDE;
  for (const [i, { width, activation }] of layers.entries()) {
    initializers.push(weights(`w${i}`, [size, width]), weights(`b${i}`, [width]));
    nodes.push(node('MatMul', [from, `w${i}`], `h${i}`), node('Add', [`h${i}`, `b${i}`], `hb${i}`));
    nodes.push(...activate(activation, `hb${i}`, `a${i}`));
    from = `a${i}`;
    size = width;
  }
  initializers.push(weights('head', [size, 3]));
  nodes.push(node('Gemm', [from, 'head'], 'y'));
  const source = model(
    { nodes, inputs: [value('x', ['N', 2, SIDE, SIDE])], outputs: [value('y', ['N', 3])], initializers },
    opset,
  );
  const dims = [batch, 2, SIDE, SIDE];
  return { source, feeds: { x: floats(Array.from({ length: batch * 2 * SIDE * SIDE }, random), dims) } };
}

it('the gated network is the network pruned layer by layer, and at 0 the network itself', async () => {
  await fc.assert(
    fc.asyncProperty(network, async (drawn) => {
      const { source, feeds } = build(drawn);
      const { bytes, sites } = instrument(source);
      // A layer is gated after its nonlinearity, a fully connected one also without; the convolution without is not.
      const expected = [
        ...drawn.convolutions
          .filter(({ activation }) => activation !== 'none')
          .map(({ activation }) => activation),
        ...drawn.layers.map(({ activation }) => (activation === 'none' ? 'MatMul' : activation)),
      ];
      expect(sites.map(({ op }) => op)).toEqual(expected);

      const exact = { isOptimized: false, outputs: ['y'] };
      const at = async (t: number): Promise<number[]> => {
        const live = { taustat_threshold: thresholds(sites.length, t) };
        return numbers((await run(bytes, { ...feeds, ...live }, exact)).y);
      };
      expect(await at(0)).toEqual(numbers((await run(source, feeds, exact)).y));
      const tensors = sites.map((site) => site.tensor);
      const pruned = (await prunedOutputs(source, tensors, drawn.threshold, feeds)).y;
      expect(await at(drawn.threshold)).toEqual(pruned);

      const baked = { kind: 'baked', thresholds: sites.map(() => drawn.threshold) } as const;
      expect(numbers((await run(instrument(source, { gate: baked }).bytes, feeds, exact)).y)).toEqual(pruned);
    }),
    { numRuns: 30 },
  );
});
