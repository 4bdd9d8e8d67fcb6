import { binOf } from '../../estimator/bins.ts';
import { type ActivationHistogram, retainedFrom, tails, zeroRatio } from '../../estimator/histogram.ts';
import type { Site } from '../../onnx/sites.ts';
import type { AnalyzedSite } from './analysis.ts';

/** What is known of every site after the dense run. @param threshold - what sparsities are told for; undefined: none are. */
export function analyzedSites(
  sites: readonly Site[],
  histograms: readonly ActivationHistogram[],
  threshold: number | undefined,
): AnalyzedSite[] {
  return sites.map(({ name, op }, i) => {
    const h = histograms[i]!;
    const t = tails(h);
    const zeros = zeroRatio(h);
    const hasSparsity = threshold !== undefined && t.count[0]! > 0;
    return {
      name,
      op,
      zeroRatio: Number.isNaN(zeros) ? null : zeros,
      activations: t.count[0]!,
      ...(hasSparsity ? { sparsity: 1 - retainedFrom(t, binOf(threshold)).count / t.count[0]! } : {}),
      meanMagnitude: t.count[0] === 0 ? null : t.sum[0]! / t.count[0]!,
    };
  });
}
