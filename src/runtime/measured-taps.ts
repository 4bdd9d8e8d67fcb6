import { binned } from '../estimator/binning.ts';
import { float16MagnitudeBits } from '../estimator/float16.ts';
import type { ActivationHistogram } from '../estimator/histogram.ts';
import type { Tensor } from '../protocol/types.ts';
import type { Measure, RetainedAtSite } from './measure.ts';
import { tally } from './tally.ts';

export interface Measured {
  readonly histograms: readonly ActivationHistogram[];
  readonly retained: readonly RetainedAtSite[];
}

/**
 * What a run measures, from the activations of its sites as they were before their gates. O(activations).
 *
 * @param taps - one per site, FP32 or FP16; none where nothing is measured.
 * @param thresholds - shape [sites]; only `retained` needs them.
 */
export function measuredTaps(
  taps: readonly Tensor[],
  { measure, thresholds }: { readonly measure: Measure; readonly thresholds?: Float32Array | undefined },
): Measured {
  const magnitudes = taps.map(({ elements }) => magnitudeBits(elements));
  if (measure === 'retained') {
    return { histograms: [], retained: magnitudes.map((bits, i) => retained(bits, thresholds![i]!)) };
  }
  const histograms = magnitudes.map((bits) => binned(bits));
  return { histograms, retained: typeof measure === 'object' ? tally(magnitudes, measure.tallyAt) : [] };
}

/** The float32 bits of a tap; sign bits may be set, float16 is widened. */
function magnitudeBits(elements: Tensor['elements']): Uint32Array {
  if (elements instanceof Float32Array)
    return new Uint32Array(elements.buffer, elements.byteOffset, elements.length);
  if (elements instanceof Uint16Array) return float16MagnitudeBits(elements);
  throw new TypeError('a tap holds neither float32 nor float16');
}

function retained(bits: Uint32Array, threshold: number): RetainedAtSite {
  const values = new Float32Array(bits.buffer, bits.byteOffset, bits.length);
  let count = 0;
  let sum = 0;
  for (let i = 0; i < values.length; i++) {
    const a = Math.abs(values[i]!);
    if (a >= threshold && a < Number.POSITIVE_INFINITY && a > 0) {
      count++;
      sum += a;
    }
  }
  return { count, sum };
}
