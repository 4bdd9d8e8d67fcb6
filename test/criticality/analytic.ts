import { edgeOf, NON_FINITE_BIN, ulpOf } from '../../src/estimator/bins.ts';
import type { ActivationHistogram } from '../../src/estimator/histogram.ts';

/** A distribution of magnitudes with unit scale, by what is left of it above τ. */
export interface Magnitudes {
  /** P(a ≥ τ). */
  readonly survival: (threshold: number) => number;
  /** E[a; a ≥ τ]. */
  readonly moment: (threshold: number) => number;
}

const SQRT_HALF = Math.SQRT1_2;

export const ANALYTIC = {
  exponential: { survival: (t) => Math.exp(-t), moment: (t) => (1 + t) * Math.exp(-t) },
  halfNormal: {
    survival: (t) => erfc(t * SQRT_HALF),
    moment: (t) => Math.sqrt(2 / Math.PI) * Math.exp((-t * t) / 2),
  },
  uniform: { survival: (t) => Math.max(0, 1 - t), moment: (t) => Math.max(0, 1 - t * t) / 2 },
  rayleigh: {
    survival: (t) => Math.exp((-t * t) / 2),
    moment: (t) => t * Math.exp((-t * t) / 2) + Math.sqrt(Math.PI / 2) * erfc(t * SQRT_HALF),
  },
  lognormal: {
    survival: (t) => erfc(Math.log(t) * SQRT_HALF) / 2,
    moment: (t) => (Math.exp(0.5) * erfc((Math.log(t) - 1) * SQRT_HALF)) / 2,
  },
} as const satisfies Record<string, Magnitudes>;

/** F(τ) from the equations, for magnitudes multiplied by `scale`; s = 1 or the mean. */
export function analyticFreeEnergy(
  { survival, moment }: Magnitudes,
  scale: number,
  temperature: 'paper' | 'normalized',
): (threshold: number) => number {
  const s = temperature === 'paper' ? 1 : moment(0) * scale;
  return (threshold) =>
    Math.log(moment(threshold / scale) / moment(0)) - (s / threshold) * Math.log(survival(threshold / scale));
}

/** Where a function is largest on [low, high], on a log-spaced grid of 10,000 points. */
export function argmax(f: (x: number) => number, low: number, high: number): number {
  const steps = 10_000;
  let best = low;
  for (let i = 0; i <= steps; i++) {
    const x = low * (high / low) ** (i / steps);
    if (f(x) > f(best)) best = x;
  }
  return best;
}

const TOTAL = 2 ** 40;

/**
 * The histogram that 2^40 activations have in expectation: no sampling noise, rounding to whole activations only.
 * `scale` multiplies the magnitudes.
 */
export function expectedHistogram({ survival, moment }: Magnitudes, scale = 1): ActivationHistogram {
  const offset = 64 * 60;
  const bins = 64 * 140;
  const counts = new Float64Array(bins);
  const residuals = new Float64Array(bins);
  for (let i = 0; i < bins && offset + i < NON_FINITE_BIN; i++) {
    const low = edgeOf(offset + i) / scale;
    const high = edgeOf(offset + i + 1) / scale;
    const count = Math.round(TOTAL * (survival(low) - survival(high)));
    if (count <= 0) continue;
    const mean = (scale * (moment(low) - moment(high))) / (survival(low) - survival(high));
    counts[i] = count;
    residuals[i] = Math.round((count * (mean - edgeOf(offset + i))) / ulpOf(offset + i));
  }
  return { offset, counts, residuals, zeros: 0, nonFinite: 0 };
}

/** Complementary error function to about 1e-15: its series near 0, its continued fraction far out. */
export function erfc(x: number): number {
  if (x < 0) return 2 - erfc(-x);
  if (x < 2.5) {
    let term = x;
    let sum = x;
    for (let n = 1; n < 120; n++) {
      term *= (-x * x) / n;
      sum += term / (2 * n + 1);
    }
    return 1 - (2 / Math.sqrt(Math.PI)) * sum;
  }
  let fraction = 0;
  for (let k = 120; k > 0; k--) fraction = k / 2 / (x + fraction);
  return Math.exp(-x * x) / (Math.sqrt(Math.PI) * (x + fraction));
}
