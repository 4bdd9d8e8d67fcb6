// Histograms of magnitudes in other units. A histogram is rescaled bin by bin, each bin at its mean magnitude.
import { binOf, edgeOf, NON_FINITE_BIN, ulpOf } from '../../../dist/estimator/bins.js';
import { mergeAll, retainedFrom, tails } from '../../../dist/estimator/histogram.js';
import { present } from '../../present.mjs';

/**
 * @typedef {import('../../../dist/estimator/histogram.js').ActivationHistogram} ActivationHistogram
 * @typedef {import('../../../dist/estimator/histogram.js').SiteHistograms} SiteHistograms
 */

/** Every site's magnitudes divided by the site's own mean over all slices. @param {readonly SiteHistograms[]} slices */
export function inUnitsOfTheMean(slices) {
  const means = histogramsBySite(slices).map((site) => {
    const { count, sum } = totalOf(site);
    return count === 0 ? 1 : sum / count;
  });
  return {
    means,
    scaled: slices.map((slice) => slice.map((h, site) => rescaled(h, 1 / present(means[site])))),
  };
}

/** The histograms of each site, one per slice. @param {readonly SiteHistograms[]} slices */
export function histogramsBySite(slices) {
  return present(slices[0]).map((_, site) => slices.map((slice) => present(slice[site])));
}

/** Number and sum of all nonzero magnitudes. @param {readonly ActivationHistogram[]} histograms */
export function totalOf(histograms) {
  return retainedFrom(tails(mergeAll(histograms)), 0);
}

/** @param {ActivationHistogram} h @param {number} factor @returns {ActivationHistogram} */
function rescaled(h, factor) {
  const counts = new Float64Array(NON_FINITE_BIN);
  const residuals = new Float64Array(NON_FINITE_BIN);
  for (const [i, count] of h.counts.entries()) {
    if (count === 0) continue;
    const bin = h.offset + i;
    const mean = edgeOf(bin) + (present(h.residuals[i]) / count) * ulpOf(bin);
    const target = binOf(mean * factor);
    const residual = Math.round((count * (mean * factor - edgeOf(target))) / ulpOf(target));
    counts[target] = present(counts[target]) + count;
    residuals[target] = present(residuals[target]) + Math.max(0, residual);
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
