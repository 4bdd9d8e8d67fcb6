import { type ActivationHistogram, emptyHistogram } from '../../../estimator/histogram.ts';

const HEADER = 3;

/** The output of the operator Histogram as an `ActivationHistogram` over the same memory. */
export function histogramOf(output: Float64Array): ActivationHistogram {
  const bins = (output.length - HEADER) / 2;
  const [offset = 0, zeros = 0, nonFinite = 0] = output;
  if (bins === 0) return { ...emptyHistogram(), zeros, nonFinite };
  return {
    offset,
    counts: output.subarray(HEADER, HEADER + bins),
    residuals: output.subarray(HEADER + bins),
    zeros,
    nonFinite,
  };
}
