import { type ActivationHistogram, emptyHistogram } from '../../../estimator/histogram.ts';

/** Entries before the counts: number of bins, first bin, zeros, not finite. */
const HEADER = 4;

/** Outputs of the operator Histogram, one after the other, over the same memory. */
export function histogramsOf(outputs: Float64Array): readonly ActivationHistogram[] {
  const histograms: ActivationHistogram[] = [];
  for (let at = 0; at < outputs.length; ) {
    const [bins = 0, offset = 0, zeros = 0, nonFinite = 0] = outputs.subarray(at, at + HEADER);
    const counts = outputs.subarray(at + HEADER, at + HEADER + bins);
    const residuals = outputs.subarray(at + HEADER + bins, at + HEADER + 2 * bins);
    const isEmpty = bins === 0;
    histograms.push(
      isEmpty ? { ...emptyHistogram(), zeros, nonFinite } : { offset, counts, residuals, zeros, nonFinite },
    );
    at += HEADER + 2 * bins;
  }
  return histograms;
}
