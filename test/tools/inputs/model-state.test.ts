import { describe, expect, it } from 'vitest';
import type { Tensor, TensorSpec } from '../../../src/protocol/types.ts';
import { modelState, withState } from '../../../src/tools/inputs/model-state.ts';

const spec = (name: string, shape: number[], datatype: TensorSpec['datatype'] = 'FP32'): TensorSpec => ({
  name,
  datatype,
  shape,
});
const MODEL = {
  inputs: [spec('x', [-1, 4]), spec('h', [-1, 3])],
  outputs: [spec('y', [-1, 2]), spec('h_next', [-1, 3]), spec('count', [-1, 3], 'INT64')],
};
const tensor = (name: string, value: number): Tensor => ({
  name,
  datatype: 'FP32',
  shape: [1, 1],
  elements: Float32Array.of(value),
});

describe('modelState', () => {
  it('links inputs to outputs; without links there is no state', () => {
    const state = modelState(MODEL, ['h=h_next'], 100);
    expect([...state!.links]).toEqual([['h', 'h_next']]);
    expect(state!.sequenceRows).toBe(100);
    expect(modelState(MODEL)).toBeUndefined();
  });

  it.each([
    [['h'], /expected input=output with an input of 'x', 'h' and an output of 'y', 'h_next', 'count'/],
    [['h=z'], /expected input=output/],
    [['z=y'], /expected input=output/],
    [['h=h_next', 'h=h_next'], /input 'h' is given twice/],
    [['h=y'], /the output is FP32 \[-1,2\], the input FP32 \[-1,3\]/],
    [['h=count'], /the output is INT64 \[-1,3\], the input FP32 \[-1,3\]/],
  ])('refuses %j', (links, message) => {
    expect(() => modelState(MODEL, links)).toThrow(message);
  });

  it('refuses the length of a sequence without state', () => {
    expect(() => modelState(MODEL, [], 10)).toThrow('a sequence length needs recurrent state');
  });
});

describe('withState', () => {
  const state = modelState(MODEL, ['h=h_next'], 3)!;
  const inputs = [tensor('x', 1), tensor('h', 0)];

  it('feeds outputs of the previous run, as copies, but at the start of a sequence', () => {
    const previous = [tensor('y', 5), tensor('h_next', 7)];
    const fed = withState(inputs, state, previous, 4);
    expect(fed).toEqual([tensor('x', 1), tensor('h', 7)]);
    expect(fed[1]!.elements).not.toBe(previous[1]!.elements);
    expect(withState(inputs, state, previous, 6)).toEqual(inputs);
  });

  it('begins once where all rows are one sequence', () => {
    const endless = modelState(MODEL, ['h=h_next'])!;
    expect(withState(inputs, endless, [], 0)).toEqual(inputs);
    expect(withState(inputs, endless, [tensor('h_next', 7)], 300)[1]).toEqual(tensor('h', 7));
  });
});
