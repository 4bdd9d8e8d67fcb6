// Histograms of magnitudes in other units. A histogram is rescaled bin by bin, each bin at its mean magnitude.
import { binOf, edgeOf, NON_FINITE_BIN, ulpOf } from '../../../dist/estimator/bins.js';
import { mergeAll, tails } from '../../../dist/estimator/histogram.js';

/** Every site's magnitudes divided by the site's own mean over all slices. */
export function inUnitsOfTheMean(slices) {
  const means = slices[0].map((_, site) => {
    const t = tails(mergeAll(slices.map((slice) => slice[site])));
    return t.count[0] === 0 ? 1 : t.sum[0] / t.count[0];
  });
  return { means, scaled: slices.map((slice) => slice.map((h, site) => rescaled(h, 1 / means[site]))) };
}

function rescaled(h, factor) {
  const counts = new Float64Array(NON_FINITE_BIN);
  const residuals = new Float64Array(NON_FINITE_BIN);
  for (const [i, count] of h.counts.entries()) {
    if (count === 0) continue;
    const bin = h.offset + i;
    const mean = edgeOf(bin) + (h.residuals[i] / count) * ulpOf(bin);
    const target = binOf(mean * factor);
    counts[target] += count;
    residuals[target] += Math.max(0, Math.round((count * (mean * factor - edgeOf(target))) / ulpOf(target)));
  }
  const first = counts.findIndex((n) => n > 0) & ~63;
  const last = (counts.findLastIndex((n) => n > 0) + 64) & ~63;
  return first < 0
    ? h
    : {
        offset: first,
        counts: counts.slice(first, last),
        residuals: residuals.slice(first, last),
        zeros: h.zeros,
        nonFinite: h.nonFinite,
      };
}
