import { BINS_PER_OCTAVE, edgeOf } from '../estimator/bins.ts';

/** Standard deviation of the smoothing of F along τ. Distributions turn over octaves; what is narrower is an accident. */
export const SMOOTHING_OCTAVES = 0.25;
/** Weights are cut beyond so many standard deviations. */
const REACH = 3;

/**
 * A curve smoothed along ln τ by a Gaussian, which is cut and normalized at the ends. Keeps a monotone curve monotone, so it
 * makes no feature where there was none. O(points within 3 widths).
 *
 * @param x - increasing positions.
 * @param width - standard deviation, in units of x.
 */
export function smoothing(x: Float64Array, width: number): (y: Float64Array) => Float64Array {
  const kernels = Array.from(x, (centre) => kernelAt(x, centre, width));
  return (y) => {
    const smooth = new Float64Array(y.length);
    for (let i = 0; i < smooth.length; i++) {
      const { from, weights } = kernels[i]!;
      for (let j = 0; j < weights.length; j++) smooth[i]! += weights[j]! * y[from + j]!;
    }
    return smooth;
  };
}

/** Weights of the points from `from` on; every point stands for the stretch between its neighbours. */
function kernelAt(x: Float64Array, centre: number, width: number): { from: number; weights: Float64Array } {
  let from = 0;
  while (x[from]! <= centre - REACH * width) from++;
  let to = from;
  while (to < x.length && x[to]! < centre + REACH * width) to++;
  const weights = new Float64Array(to - from);
  let total = 0;
  for (let i = from; i < to; i++) {
    const spacing = x[Math.min(i + 1, x.length - 1)]! - x[Math.max(i - 1, 0)]!;
    weights[i - from] = spacing * Math.exp(-(((x[i]! - centre) / width) ** 2) / 2);
    total += weights[i - from]!;
  }
  for (let j = 0; j < weights.length; j++) weights[j]! /= total;
  return { from, weights };
}

/**
 * The same for a curve that is known on every bin edge of a range, at single ones of them: next to the integral, and so the
 * same wherever bins and steps of the curve lie. O(bins within 3 widths).
 */
export class BinSmoothing {
  readonly #width: number;
  /** Weights around the edge of a bin at each place of an octave: bins repeat in every octave. */
  readonly #kernels: (Float64Array | undefined)[] = [];

  /** @param octaves - standard deviation. */
  constructor(octaves: number) {
    this.#width = octaves;
  }

  /**
   * @param y - the curve at the lower edges of consecutive bins.
   * @param first - the first of these bins.
   * @param bin - one of them.
   */
  at(y: Float64Array, first: number, bin: number): number {
    const kernel = this.#kernel(bin % BINS_PER_OCTAVE);
    const shift = bin - first - (kernel.length >> 1);
    let sum = 0;
    let total = 0;
    const to = Math.min(kernel.length, y.length - shift);
    for (let j = Math.max(0, -shift); j < to; j++) {
      sum += kernel[j]! * y[shift + j]!;
      total += kernel[j]!;
    }
    return sum / total;
  }

  #kernel(place: number): Float64Array {
    this.#kernels[place] ??= this.#kernelAt(place);
    return this.#kernels[place];
  }

  #kernelAt(place: number): Float64Array {
    const centre = BINS_PER_OCTAVE * 127 + place;
    const reach = Math.ceil(2 * REACH * this.#width * BINS_PER_OCTAVE);
    const position = (bin: number) => Math.log2(edgeOf(bin) / edgeOf(centre));
    return Float64Array.from({ length: 2 * reach + 1 }, (_, j) => {
      const bin = centre - reach + j;
      const x = position(bin) / this.#width;
      return Math.abs(x) < REACH ? (position(bin + 1) - position(bin - 1)) * Math.exp(-(x ** 2) / 2) : 0;
    });
  }
}
