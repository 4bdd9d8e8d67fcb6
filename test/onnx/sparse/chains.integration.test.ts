// Sparse convolutions pass each other bordered tensors where they can; the model answers as the instrumented one does.
import fc from 'fast-check';
import type { NodeProto, TensorProto } from 'onnx-buf';
import { describe, expect, it } from 'vitest';
import { indexGraph } from '../../../src/onnx/graph.ts';
import { instrument } from '../../../src/onnx/instrument.ts';
import { type DecodedModel, decodeModel, encodeModel } from '../../../src/onnx/model-file.ts';
import { findSites } from '../../../src/onnx/sites.ts';
import { linearOperators } from '../../../src/onnx/sparse/operators.ts';
import { sparsify } from '../../../src/onnx/sparse/sparsify.ts';
import { thresholdInput } from '../../../src/runtime/local/session.ts';
import { availableKernels, nativeRun, openedAddon, plainRun } from '../../native/opened.ts';
import { randomOf } from '../../native/sparse-law.ts';
import { model, node, tensor, value } from '../models.ts';

type Block =
  | { readonly kind: 'conv'; readonly channels: number; readonly kernel: 1 | 3; readonly stride: 1 | 2 }
  | { readonly kind: 'residual'; readonly isProjected: boolean }
  | { readonly kind: 'pool'; readonly kernel: 1 | 2 | 3; readonly stride: 1 | 2; readonly isPadded: boolean }
  /** The tensor is a second answer of the model, or is read by an operator that knows NCHW only. */
  | { readonly kind: 'output' | 'mean' };

const SIZE = 13;
const CHANNELS = 5;
const conv = (channels: number, kernel: 1 | 3 = 3, stride: 1 | 2 = 1): Block => ({
  kind: 'conv',
  channels,
  kernel,
  stride,
});
const pool = (kernel: 1 | 2 | 3, stride: 1 | 2, isPadded = false): Block => ({
  kind: 'pool',
  kernel,
  stride,
  isPadded,
});
const RESIDUAL: Block = { kind: 'residual', isProjected: false };
const PROJECTED: Block = { kind: 'residual', isProjected: true };

/** A network of the blocks, closed by the mean over the image; its answers are y and what the blocks put out. */
function networkOf(
  blocks: readonly Block[],
  seed: number,
): { readonly model: DecodedModel; readonly outputs: string[] } {
  const random = randomOf(seed);
  const nodes: NodeProto[] = [];
  const initializers: TensorProto[] = [];
  const outputs = ['y'];
  let count = 0;
  const fresh = (): string => `t${count++}`;
  let channels = CHANNELS;
  const convolution = (from: string, to: number, kernel: number, stride: number): string => {
    const name = fresh();
    const size = channels * kernel ** 2;
    const values = Array.from({ length: to * size }, () => (2 * (random() - 0.5)) / Math.sqrt(size / 6));
    const bias = Array.from({ length: to }, () => random() - 0.5);
    initializers.push(
      tensor(`w_${name}`, [to, channels, kernel, kernel], values),
      tensor(`b_${name}`, [to], bias),
    );
    const pad = BigInt((kernel - 1) / 2);
    nodes.push(
      node('Conv', [from, `w_${name}`, `b_${name}`], name, {
        pads: [pad, pad, pad, pad],
        strides: [BigInt(stride), BigInt(stride)],
      }),
    );
    return name;
  };
  const relu = (from: string): string => {
    const name = fresh();
    nodes.push(node('Relu', [from], name));
    return name;
  };
  let x = relu('x');
  for (const block of blocks) {
    if (block.kind === 'conv') {
      x = relu(convolution(x, block.channels, block.kernel, block.stride));
      channels = block.channels;
    } else if (block.kind === 'residual') {
      const left = convolution(relu(convolution(x, channels, 3, 1)), channels, 3, 1);
      const right = block.isProjected ? convolution(x, channels, 1, 1) : x;
      const sum = fresh();
      nodes.push(node('Add', [left, right], sum));
      x = relu(sum);
    } else if (block.kind === 'pool') {
      const name = fresh();
      const { kernel, stride, isPadded } = block;
      const pads = isPadded && kernel > 1 ? [1n, 1n, 1n, 1n] : [0n, 0n, 0n, 0n];
      const kernelShape = [BigInt(kernel), BigInt(kernel)];
      nodes.push(
        node('MaxPool', [x], name, {
          kernel_shape: kernelShape,
          strides: [BigInt(stride), BigInt(stride)],
          pads,
        }),
      );
      x = name;
    } else {
      const name = fresh();
      nodes.push(
        block.kind === 'output' ? node('Identity', [x], name) : node('GlobalAveragePool', [x], name),
      );
      outputs.push(name);
    }
  }
  nodes.push(node('GlobalAveragePool', [x], 'mean'), node('Flatten', ['mean'], 'y'));
  const made = model({
    nodes,
    inputs: [value('x', ['n', CHANNELS, SIZE, SIZE])],
    outputs: outputs.map((name) => value(name)),
    initializers,
  });
  return { model: decodeModel(encodeModel(made as DecodedModel)), outputs };
}

/** The model with those of its convolutions sparse that `isChosen` tells. */
function rewritten(network: DecodedModel, isChosen: (i: number) => boolean): DecodedModel {
  const { sites } = findSites(network, { scheme: 'activations' });
  const { sparse } = linearOperators(network, indexGraph(network), sites);
  return decodeModel(
    sparsify(
      network,
      sites,
      sparse.filter((_, i) => isChosen(i)),
    ).bytes,
  );
}

const opsOf = ({ graph }: DecodedModel): string[] => graph.node.map(({ opType }) => opType);
const layoutsOf = ({ graph }: DecodedModel): string[] =>
  graph.node
    .filter(({ opType }) => opType === 'SparseConv')
    .map(({ attribute }) =>
      ['input_layout', 'output_layout']
        .map((name) => new TextDecoder().decode(attribute.find((a) => a.name === name)?.s))
        .join(' → '),
    );

describe('chains of sparse convolutions', () => {
  const every = (): boolean => true;

  it('pass bordered tensors through a pool', () => {
    const made = rewritten(networkOf([conv(6), pool(2, 2), conv(7)], 1).model, every);
    expect(layoutsOf(made)).toEqual(['nchw → bordered', 'bordered → nchw']);
    expect(opsOf(made)).toContain('BorderedMaxPool');
    expect(opsOf(made)).not.toContain('MaxPool');
  });

  it('do not pass them through a pool with pads, to a dense reader or to an output', () => {
    for (const between of [pool(3, 2, true), { kind: 'mean' }, { kind: 'output' }] as const) {
      const made = rewritten(networkOf([conv(6), between, conv(7)], 1).model, every);
      expect(layoutsOf(made)).toEqual(['nchw → nchw', 'nchw → nchw']);
    }
  });

  it('do not pass them to a layer that stays dense', () => {
    const made = rewritten(networkOf([conv(6), conv(7), conv(8)], 1).model, (i) => i !== 1);
    expect(layoutsOf(made)).toEqual(['nchw → nchw', 'nchw → nchw']);
  });

  it('keep residual blocks bordered, and copy for the reader at the end', () => {
    const made = rewritten(networkOf([conv(6), RESIDUAL, PROJECTED], 1).model, every);
    expect(
      layoutsOf(made)
        .slice(1)
        .every((layouts) => layouts === 'bordered → bordered'),
    ).toBe(true);
    expect(opsOf(made).filter((op) => op === 'FromBordered')).toHaveLength(1);
    expect(opsOf(made)).not.toContain('ToBordered');
  });

  it('bring a residual that comes in NCHW once', () => {
    const made = rewritten(networkOf([RESIDUAL, RESIDUAL], 1).model, every);
    expect(opsOf(made).filter((op) => op === 'ToBordered')).toHaveLength(1);
  });

  it.each(availableKernels())('answer as the instrumented model does: kernels %s', async (kernels) => {
    const addon = openedAddon(kernels);
    const blocks = fc.array(
      fc.oneof(
        fc.record({
          kind: fc.constant('conv' as const),
          channels: fc.integer({ min: 1, max: 40 }),
          kernel: fc.constantFrom(1 as const, 3 as const),
          stride: fc.constantFrom(1 as const, 1 as const, 2 as const),
        }),
        fc.record({ kind: fc.constant('residual' as const), isProjected: fc.boolean() }),
        fc.record({
          kind: fc.constant('pool' as const),
          kernel: fc.constantFrom(1 as const, 2 as const, 3 as const),
          stride: fc.constantFrom(1 as const, 2 as const),
          isPadded: fc.boolean(),
        }),
        fc.record({ kind: fc.constantFrom('output' as const, 'mean' as const) }),
      ),
      { minLength: 1, maxLength: 7 },
    );
    const isSmall = (all: readonly Block[]): boolean =>
      all.filter((block) => 'stride' in block && (block.stride === 2 || block.kind === 'pool')).length <= 2;
    await fc.assert(
      fc.asyncProperty(
        blocks.filter(isSmall),
        fc.nat(),
        fc.nat(),
        fc.constantFrom(0, 0.1, 0.4),
        async (all, seed, chosen, threshold) => {
          const { model: network, outputs } = networkOf(all, seed);
          const { sites } = findSites(network, { scheme: 'activations' });
          const made = rewritten(network, (i) => chosen % 3 === 0 || ((chosen >> (i % 30)) & 1) === 1);
          const random = randomOf(seed);
          const x = Float32Array.from({ length: 2 * CHANNELS * SIZE ** 2 }, () => 2 * (random() - 0.5));
          const thresholds = thresholdInput(new Float32Array(sites.length).fill(threshold));
          const inputs = [
            { name: 'x', shape: [2, CHANNELS, SIZE, SIZE], values: x },
            {
              name: thresholds.name,
              shape: [sites.length],
              values: thresholds.elements as Float32Array<ArrayBuffer>,
            },
          ];
          const reference = decodeModel(
            instrument(encodeModel(network), { scheme: 'activations', taps: false }).bytes,
          );
          for (const output of outputs) {
            const expected = await plainRun(reference, inputs, output);
            const actual = nativeRun(addon, made, inputs, output, 1 + (seed % 2));
            expect(actual.shape).toEqual(expected.shape);
            const scale = expected.values.reduce((most, v) => Math.max(most, Math.abs(v)), 1e-3);
            const error = expected.values.reduce(
              (most, v, i) =>
                Math.max(most, Math.abs(v - ((actual.values as Float32Array)[i] ?? Number.NaN))),
              0,
            );
            expect(error / scale).toBeLessThan(1e-3);
          }
        },
      ),
      { numRuns: 60, seed: 1 },
    );
  });
});
