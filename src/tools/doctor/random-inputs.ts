import type { TensorSpec } from '../../protocol/types.ts';
import { batchAxes } from '../inputs/batch-axis.ts';
import type { NpyArray } from '../inputs/npy.ts';

/** Size of a dimension that varies, the batch aside. */
const VARIABLE = 16;

/**
 * Random inputs, for want of recorded ones: standard normal numbers, zeros for integers. The same ones every time.
 *
 * @param given - batch axes by input name; see `batchAxes` for the default.
 */
export function randomArrays(
  specs: readonly TensorSpec[],
  rows: number,
  given: ReadonlyMap<string, number> = new Map(),
): Readonly<Record<string, NpyArray>> {
  const next = uniform(1);
  const normal = (): number => Math.sqrt(-2 * Math.log(1 - next())) * Math.cos(2 * Math.PI * next());
  const axes = batchAxes(specs, given);
  return Object.fromEntries(
    specs.map(({ name, shape, datatype }) => {
      const axis = axes.get(name);
      const sizes = shape.map((size, i) => (i === axis ? rows : size < 0 ? VARIABLE : size));
      const elements = new Float32Array(sizes.reduce((a, b) => a * b, 1));
      if (/^(FP|BF)/.test(datatype)) for (let i = 0; i < elements.length; i++) elements[i] = normal();
      return [name, { path: `random ${name}`, dtype: '<f4', shape: sizes, elements }];
    }),
  );
}

/** A linear congruential generator of numbers in [0, 1); constants of Numerical Recipes, 3rd ed., 7.1. */
function uniform(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}
