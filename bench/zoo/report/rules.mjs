// The rules that are compared. Each reads the histograms of one dense run and says which threshold every site gets.
import { criticality, DEFAULT_CRITICAL_POINT } from '../../../dist/criticality/critical-point.js';
import { paperCriticality } from '../../../dist/criticality/paper-rule.js';
import { binOf, nearestEdge } from '../../../dist/estimator/bins.js';
import { mergeAll, nonzeroCount, retainedFrom, tails } from '../../../dist/estimator/histogram.js';
import { inUnitsOfTheMean } from './rescaled.mjs';

/**
 * @typedef {object} Choice
 * @property {number | Float32Array} thresholds - one for all sites, or one for each.
 * @property {number} sparsity - β that the dense run predicts.
 * @property {string} kind - of the feature.
 * @property {readonly [number, number]} [interval]
 */

const PAPER = { ...DEFAULT_CRITICAL_POINT, temperature: 'paper' };
const INFLECTIONS = { ...DEFAULT_CRITICAL_POINT, inflections: true };
/** Share of all activations from which on a site has a say of its own. */
const FAIR_SHARE = 0.02;

/** Every rule: `choose(slices)` with slices [slice][site]; null when it finds no feature. The first is the default. */
export const RULES = [
  {
    key: 'additive',
    name: 'F summed over sites, T = s/τ',
    choose: (slices) => ofPoint(criticality(slices)),
  },
  {
    key: 'additivePaper',
    name: 'F summed over sites, T = 1/τ',
    choose: (slices) => ofPoint(criticality(slices, PAPER)),
  },
  {
    key: 'inflections',
    name: 'F summed over sites, inflections too',
    choose: (slices) => ofPoint(criticality(slices, INFLECTIONS)),
  },
  {
    key: 'pooled',
    name: 'F of all sites pooled, T = s/τ',
    choose: (slices) => ofPoint(criticality(asOneSite(slices))),
  },
  {
    key: 'pooledPaper',
    name: 'F of all sites pooled, T = 1/τ',
    choose: (slices) => ofPoint(criticality(asOneSite(slices), PAPER)),
  },
  {
    key: 'paper',
    name: 'paper: linear grid, T = 1/τ',
    choose: (slices) => ofPoint(paperCriticality(pooled(slices), 'paper')),
  },
  {
    key: 'paperNormalized',
    name: 'linear grid, T = s/τ',
    choose: (slices) => ofPoint(paperCriticality(pooled(slices), 'normalized')),
  },
  {
    key: 'perSite',
    name: 'own τ per site',
    choose: ownThresholds,
  },
  {
    key: 'multiple',
    name: 'one multiple of each site’s mean',
    choose: oneMultiple,
  },
  {
    key: 'medianSite',
    name: 'median of the sites’ own τ',
    choose: medianThreshold,
  },
  {
    key: 'earliestSite',
    name: 'least of the sites’ own τ',
    choose: earliestThreshold,
  },
];

/** One histogram per slice, over all sites. */
export function pooled(slices) {
  return slices.map(mergeAll);
}

function asOneSite(slices) {
  return pooled(slices).map((h) => [h]);
}

function ofPoint(found) {
  if (found === null || found.critical === null) return null;
  const { threshold, sparsity, feature, interval } = found.critical;
  return { thresholds: threshold, sparsity, kind: feature, interval };
}

/** Each site at the first feature of its own curve; a site without one is left alone. */
function ownThresholds(slices) {
  const own = siteCriticalities(slices);
  if (own.every((found) => found === null)) return null;
  const thresholds = Float32Array.from(own, (found) => found?.critical?.threshold ?? 0);
  return { thresholds, sparsity: predictedSparsity(slices, thresholds), kind: kinds(own) };
}

/** One F of |a| in units of each site's mean; its threshold, times the mean, at every site. */
function oneMultiple(slices) {
  const { scaled, means } = inUnitsOfTheMean(slices);
  const found = criticality(scaled);
  if (found === null || found.critical === null) return null;
  const thresholds = Float32Array.from(means, (mean) => nearestEdge(found.critical.threshold * mean));
  return {
    thresholds,
    sparsity: predictedSparsity(slices, thresholds),
    kind: found.critical.feature,
  };
}

/** One threshold for all: the median (the lower of two) of those of the sites that have one. */
function medianThreshold(slices) {
  const own = siteCriticalities(slices);
  const found = own.flatMap((site) => site?.critical?.threshold ?? []).sort((a, b) => a - b);
  if (found.length === 0) return null;
  const threshold = found[(found.length - 1) >> 1];
  const all = slices[0].map(() => threshold);
  return { thresholds: threshold, sparsity: predictedSparsity(slices, all), kind: kinds(own) };
}

/** One threshold for all: the least of those of the sites with a fair share of the activations. */
function earliestThreshold(slices) {
  const all = nonzeroCount(mergeAll(slices.flat()));
  const hasSay = (_, site) => nonzeroCount(mergeAll(slices.map((s) => s[site]))) >= FAIR_SHARE * all;
  const own = siteCriticalities(slices).filter(hasSay);
  const found = own.flatMap((site) => site?.critical?.threshold ?? []);
  if (found.length === 0) return null;
  const threshold = Math.min(...found);
  const everywhere = slices[0].map(() => threshold);
  return { thresholds: threshold, sparsity: predictedSparsity(slices, everywhere), kind: kinds(own) };
}

function siteCriticalities(slices) {
  return slices[0].map((_, site) => {
    const found = criticality(slices.map((slice) => [slice[site]]));
    return found?.critical ? found : null;
  });
}

/** The kinds of the sites' features, the most frequent first. */
function kinds(own) {
  const counts = new Map();
  for (const found of own)
    if (found !== null) counts.set(found.critical.feature, (counts.get(found.critical.feature) ?? 0) + 1);
  return [...counts]
    .sort((a, b) => b[1] - a[1])
    .map(([kind, n]) => `${n} ${kind}`)
    .join(', ');
}

/** β of the unpruned activations at one threshold per site. */
function predictedSparsity(slices, thresholds) {
  let retained = 0;
  let total = 0;
  for (const [site, threshold] of Array.from(thresholds).entries()) {
    const t = tails(mergeAll(slices.map((slice) => slice[site])));
    retained += retainedFrom(t, binOf(threshold)).count;
    total += t.count[0];
  }
  return 1 - retained / total;
}
