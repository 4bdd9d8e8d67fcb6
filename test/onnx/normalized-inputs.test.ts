// The scheme `auto`: activations, and what linear layers read from a normalisation.
import { describe, expect, it } from 'vitest';
import { instrument } from '../../src/onnx/instrument.ts';
import { findSites } from '../../src/onnx/sites.ts';
import { type GraphParts, model, node, tensor, value } from './models.ts';
import { floats, numbers, run } from './reference.ts';

const weight = tensor(
  'w',
  [4, 4],
  Array.from({ length: 16 }, (_, i) => ((i * 7) % 5) / 4 - 0.5),
);
const gamma = tensor('gamma', [4], [1, 0.5, 2, 1]);

function around(nodes: GraphParts['nodes'], initializers: GraphParts['initializers'] = []) {
  return model({
    nodes: [
      ...nodes,
      node('MatMul', ['n', 'w'], 'h', {}, { name: 'layer' }),
      node('Add', ['h', 'n'], 'y', {}, { name: 'residual' }),
    ],
    inputs: [value('x', ['N', 4])],
    outputs: [value('y', ['N', 4])],
    initializers: [weight, gamma, ...(initializers ?? [])],
  });
}

const MEAN = [node('Mul', ['x', 'x'], 'xx'), node('ReduceMean', ['xx'], 'm', { axes: [-1n], keepdims: 1n })];
const constants = [tensor('eps', [], [1e-6]), tensor('one', [], [1]), tensor('root', [], [-0.5])];

describe('what a normalisation makes', () => {
  it.each([
    ['an operator', [node('LayerNormalization', ['x', 'gamma'], 'n')]],
    [
      'scaled and moved',
      [
        node('LayerNormalization', ['x', 'gamma'], 'a'),
        node('Mul', ['a', 'gamma'], 'b'),
        node('Identity', ['b'], 'n'),
      ],
    ],
    [
      'x / √(mean + ε)',
      [...MEAN, node('Add', ['m', 'eps'], 'e'), node('Sqrt', ['e'], 's'), node('Div', ['x', 's'], 'n')],
    ],
    [
      'x · 1/√(mean + ε) · γ',
      [
        ...MEAN,
        node('Add', ['m', 'eps'], 'e'),
        node('Sqrt', ['e'], 's'),
        node('Div', ['one', 's'], 'r'),
        node('Mul', ['x', 'r'], 'u'),
        node('Mul', ['u', 'gamma'], 'n'),
      ],
    ],
    ['x · mean^−½', [...MEAN, node('Pow', ['m', 'root'], 'p'), node('Mul', ['x', 'p'], 'n')]],
  ] as const)('is a site of the linear layer that reads it: %s', (_, nodes) => {
    const { sites } = findSites(around([...nodes], constants), { scheme: 'auto' });
    expect(sites.map(({ name, tensor: at, prunedFor }) => [name, at, prunedFor])).toEqual([
      ['layer', 'n', 'linear-layers'],
    ]);
  });

  it.each([
    ['a mean without a root', [...MEAN, node('Div', ['x', 'm'], 'n')]],
    ['a quotient of something else', [node('Sqrt', ['x'], 's'), node('Div', ['x', 's'], 'n')]],
    ['the reciprocal itself', [...MEAN, node('Sqrt', ['m'], 's'), node('Div', ['one', 's'], 'n')]],
    [
      'a sum with what is not normalised',
      [node('LayerNormalization', ['x', 'gamma'], 'a'), node('Add', ['a', 'x'], 'n')],
    ],
  ] as const)('is not %s', (_, nodes) => {
    expect(findSites(around([...nodes], constants), { scheme: 'auto' }).sites).toEqual([]);
  });

  it('is none with the scheme `activations`', () => {
    const source = around([node('LayerNormalization', ['x', 'gamma'], 'n')]);
    expect(findSites(source, { scheme: 'activations' }).sites).toEqual([]);
  });

  it('is pruned for the linear layer alone: the residual reads it whole', async () => {
    const source = around([node('LayerNormalization', ['x', 'gamma'], 'n')]);
    const dense = model({
      nodes: [node('LayerNormalization', ['x', 'gamma'], 'n')],
      inputs: [value('x', ['N', 4])],
      outputs: [value('n', ['N', 4])],
      initializers: [gamma],
    });
    const x = floats([0.3, -1, 2, 0.1, 5, 4, -3, 2.5], [2, 4]);
    const normalized = numbers((await run(dense, { x })).n);
    const threshold = 0.6;
    const pruned = normalized.map((v) => (Math.abs(v) >= threshold ? v : 0));
    expect(pruned.filter((v) => v === 0).length).toBeGreaterThan(0);
    const w = Array.from({ length: 16 }, (_, i) => ((i * 7) % 5) / 4 - 0.5);
    const expected = normalized.map((own, i) => {
      const row = i - (i % 4);
      return own + [0, 1, 2, 3].reduce((sum, k) => sum + pruned[row + k]! * w[4 * k + (i % 4)]!, 0);
    });
    for (const gate of [{ kind: 'input' }, { kind: 'baked', thresholds: [threshold] }] as const) {
      const { bytes } = instrument(source, { scheme: 'auto', gate });
      const live = gate.kind === 'input' ? { taustat_threshold: floats([threshold], [1]) } : {};
      const found = await run(bytes, { x, ...live });
      for (const [i, answer] of numbers(found.y).entries()) expect(answer).toBeCloseTo(expected[i]!, 5);
      expect(numbers(found.taustat_tap_0)).toEqual(normalized);
    }
  });
});
