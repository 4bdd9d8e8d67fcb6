import { describe, expect, it } from 'vitest';
import { poleOf, poleOfDecomposition } from '../../src/onnx/rules/poles.ts';
import { findSites } from '../../src/onnx/sites.ts';
import { FUNCTIONS } from '../criticality/activations.ts';
import { model, node, tensor, value } from './models.ts';

/** The least value of a function on a fine grid. */
function least(f: (x: number) => number): number {
  return Math.min(...Array.from({ length: 60_001 }, (_, i) => f(-30 + i / 1000)));
}

describe('the pole of an activation function', () => {
  it.each([
    ['Gelu', FUNCTIONS.Gelu.f],
    ['Silu', FUNCTIONS.Silu.f],
    ['QuickGelu', (x: number) => FUNCTIONS.Silu.f(1.702 * x) / 1.702],
    ['HardSwish', FUNCTIONS.HardSwish.f],
    ['Mish', FUNCTIONS.Mish.f],
  ])('of %s is the magnitude of its minimum', (op, f) => {
    expect(poleOfDecomposition(op)).toBeCloseTo(-least(f), 5);
  });

  it('of both spellings of Gelu is the same to 5e-4', () => {
    expect(least(FUNCTIONS.GeluTanh.f)).toBeCloseTo(least(FUNCTIONS.Gelu.f), 3);
  });

  it.each([
    ['Elu', { alpha: 1.5 }, (x: number) => (x > 0 ? x : 1.5 * Math.expm1(x))],
    ['Celu', { alpha: 1.5 }, (x: number) => (x > 0 ? x : 1.5 * Math.expm1(x / 1.5))],
    ['Selu', {}, (x: number) => 1.05070102 * (x > 0 ? x : 1.67326319 * Math.expm1(x))],
    ['Swish', { alpha: 0.5 }, (x: number) => FUNCTIONS.Silu.f(0.5 * x) / 0.5],
  ])('of %s %j follows its attributes', (op, attributes, f) => {
    expect(poleOf(node(op, ['x'], 'y', attributes))).toBeCloseTo(-least(f), 5);
  });

  it('is none of a function that has none, or of another domain', () => {
    for (const op of ['Relu', 'LeakyRelu', 'Tanh', 'Clip', 'MatMul'])
      expect(poleOf(node(op, ['x'], 'y'))).toBeNull();
    expect(poleOf(node('HardSwish', ['x'], 'y', {}, { domain: 'elsewhere' }))).toBeNull();
    expect(poleOfDecomposition('Relu')).toBeNull();
  });
});

describe('the pole of what a linear layer reads', () => {
  const polesOf = (nodes: Parameters<typeof model>[0]['nodes']) =>
    findSites(
      model({
        nodes: [...nodes, node('MatMul', ['a', 'w'], 'y')],
        inputs: [value('x', ['N', 4])],
        outputs: [value('y', ['N', 4])],
        initializers: [tensor('w', [4, 4], new Array<number>(16).fill(1)), tensor('axes', [2], [1, 0])],
      }),
      { scheme: 'linear-inputs' },
    ).sites.map(({ pole }) => pole);

  it.each([
    ['an activation function', [node('HardSwish', ['x'], 'a')], 0.375],
    ['one whose elements were moved', [node('HardSwish', ['x'], 'h'), node('Transpose', ['h'], 'a')], 0.375],
    ['one written out', [node('Sigmoid', ['x'], 's'), node('Mul', ['x', 's'], 'a')], 0.278465],
    ['one that was averaged', [node('HardSwish', ['x'], 'h'), node('ReduceMean', ['h'], 'a')], null],
    [
      'one among others',
      [node('HardSwish', ['x'], 'h'), node('Concat', ['h', 'x'], 'a', { axis: 0n })],
      null,
    ],
    ['another tensor', [node('Neg', ['x'], 'a')], null],
  ])('is that of %s', (_, nodes, pole) => {
    expect(polesOf(nodes)).toEqual([pole]);
  });
});
