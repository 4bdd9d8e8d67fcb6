import { erfc, type Magnitudes } from './analytic.ts';

/** An activation function that falls to −pole and rises from there on. */
export interface Activation {
  readonly f: (x: number) => number;
  readonly pole: number;
}

const normal = (x: number): number => erfc(-x * Math.SQRT1_2) / 2;
const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x));

export const FUNCTIONS = {
  Gelu: { f: (x) => x * normal(x), pole: 0.169971 },
  GeluTanh: {
    f: (x) => 0.5 * x * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3))),
    pole: 0.169971,
  },
  Silu: { f: (x) => x * sigmoid(x), pole: 0.278465 },
  HardSwish: { f: (x) => (x * Math.min(6, Math.max(0, x + 3))) / 6, pole: 0.375 },
  Mish: { f: (x) => x * Math.tanh(Math.log1p(Math.exp(x))), pole: 0.308843 },
} as const satisfies Record<string, Activation>;

const STEPS = 200_000;
const REACH = 12;

/**
 * The magnitudes |f(x)| > 0 of x ~ N(mean, deviation²), by numerical integration over x; tails to 12 deviations.
 */
export function activated({ f }: Activation, mean: number, deviation: number): Magnitudes {
  const step = (2 * REACH) / STEPS;
  const values = Float64Array.from({ length: STEPS }, (_, i) => -REACH + (i + 0.5) * step);
  const cells = Array.from(values, (z) => ({
    a: Math.abs(f(mean + deviation * z)),
    p: Math.exp((-z * z) / 2),
  }))
    .filter(({ a }) => a > 0)
    .sort((x, y) => x.a - y.a);
  const survival = new Float64Array(cells.length + 1);
  const moment = new Float64Array(cells.length + 1);
  for (let i = cells.length - 1; i >= 0; i--) {
    survival[i] = survival[i + 1]! + cells[i]!.p;
    moment[i] = moment[i + 1]! + cells[i]!.p * cells[i]!.a;
  }
  const all = survival[0]!;
  const from = (threshold: number): number => {
    let low = 0;
    let high = cells.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (cells[middle]!.a < threshold) low = middle + 1;
      else high = middle;
    }
    return low;
  };
  return {
    survival: (threshold) => survival[from(threshold)]! / all,
    moment: (threshold) => moment[from(threshold)]! / all,
  };
}
