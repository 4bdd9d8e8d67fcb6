import type { ActivationHistogram } from '../../src/estimator/histogram.ts';

/** What a histogram says, whatever range of bins it happens to store. */
export interface Content {
  /** Count and residual sum of every bin that is not empty. */
  readonly bins: Readonly<Record<number, readonly [count: number, residuals: number]>>;
  readonly zeros: number;
  readonly nonFinite: number;
}

export function content(h: ActivationHistogram): Content {
  const bins: Record<number, [number, number]> = {};
  for (const [i, count] of h.counts.entries()) if (count !== 0) bins[h.offset + i] = [count, h.residuals[i]!];
  return { bins, zeros: h.zeros, nonFinite: h.nonFinite };
}

/** The content of the histogram of float32 bits, one by one from the definition. */
export function contentByDefinition(bits: Uint32Array): Content {
  const bins: Record<number, [number, number]> = {};
  let zeros = 0;
  let nonFinite = 0;
  for (const word of bits) {
    const magnitude = word & 0x7fffffff;
    const bin = Math.floor(magnitude / 2 ** 17);
    if (bin === 0) zeros++;
    else if (magnitude >= 0x7f800000) nonFinite++;
    else {
      bins[bin] ??= [0, 0];
      bins[bin][0]++;
      bins[bin][1] += magnitude % 2 ** 17;
    }
  }
  return { bins, zeros, nonFinite };
}
