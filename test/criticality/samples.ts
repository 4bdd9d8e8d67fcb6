import { xorshift } from '../../src/drift/xorshift.ts';
import { binned } from '../../src/estimator/binning.ts';
import type { ActivationHistogram } from '../../src/estimator/histogram.ts';

export type Draw = (uniform: () => number) => number;

export const exponential: Draw = (u) => -Math.log(1 - u());
export const halfNormal: Draw = (u) =>
  Math.abs(Math.sqrt(-2 * Math.log(1 - u())) * Math.cos(2 * Math.PI * u()));
export const lognormal: Draw = (u) =>
  Math.exp(Math.sqrt(-2 * Math.log(1 - u())) * Math.cos(2 * Math.PI * u()));
export const rayleigh: Draw = (u) => Math.sqrt(-2 * Math.log(1 - u()));

/** A window of `count` slices of seeded magnitudes, all multiplied by `scale`. */
export function window(
  draw: Draw,
  seed: number,
  { count = 16, perSlice = 50_000, scale = 1 } = {},
): ActivationHistogram[] {
  const random = xorshift(seed);
  return Array.from({ length: count }, () => {
    const values = Float32Array.from({ length: perSlice }, () => draw(random) * scale);
    return binned(new Uint32Array(values.buffer));
  });
}

/** Some values come again and again, as constant image borders make them: [value, share of all activations]. */
export const withAtoms =
  (draw: Draw, atoms: readonly (readonly [number, number])[]): Draw =>
  (u) => {
    let pick = u();
    for (const [value, share] of atoms) {
      if (pick < share) return value;
      pick -= share;
    }
    return draw(u);
  };

/** A background at three levels, 14 % of all activations. */
export const BACKGROUND = [
  [0.0701, 0.05],
  [0.303, 0.05],
  [0.907, 0.04],
] as const;
