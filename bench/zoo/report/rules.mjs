// The rules that are compared. Each reads the histograms of one dense run and says which threshold every site gets.
import { criticality, DEFAULT_CRITICAL_POINT } from '../../../dist/criticality/critical-point.js';
import { paperCriticality } from '../../../dist/criticality/paper-rule.js';
import { binOf, nearestEdge } from '../../../dist/estimator/bins.js';
import { mergeAll, nonzeroCount, retainedFrom, tails } from '../../../dist/estimator/histogram.js';
import { present } from '../../present.mjs';
import { histogramsBySite, inUnitsOfTheMean } from './rescaled.mjs';

/**
 * @typedef {object} Choice
 * @property {number | Float32Array} thresholds - one for all sites, or one for each.
 * @property {number} sparsity - β that the dense run predicts.
 * @property {string} kind - of the feature.
 * @property {readonly [number, number]} [interval]
 *
 * @typedef {import('../../../dist/criticality/critical-point.js').Criticality} Criticality
 * @typedef {import('../../../dist/criticality/critical-point.js').CriticalPoint} CriticalPoint
 * @typedef {import('../../../dist/criticality/critical-point.js').CriticalPointOptions} CriticalPointOptions
 * @typedef {readonly import('../../../dist/estimator/histogram.js').SiteHistograms[]} Slices - [slice][site]
 * @typedef {readonly (number | null)[]} Poles - of the sites' activation functions.
 */

/** @type {CriticalPointOptions} */
const PAPER = { ...DEFAULT_CRITICAL_POINT, temperature: 'paper' };
const INFLECTIONS = { ...DEFAULT_CRITICAL_POINT, inflections: true };
/** Share of all activations from which on a site has a say of its own. */
const FAIR_SHARE = 0.02;

/** Every rule; null is chosen where it finds no feature. The first is the default. Rules on F summed over sites pass over poles of activation functions, the others know none. @type {readonly { key: string, name: string, choose: (slices: Slices, poles?: Poles) => Choice | null }[]} */
export const RULES = [
  {
    key: 'additive',
    name: 'F summed over sites, T = s/τ',
    choose: (slices, poles) => ofPoint(criticality(slices, DEFAULT_CRITICAL_POINT, { poles })),
  },
  {
    key: 'polesToo',
    name: 'F summed over sites, poles too',
    choose: (slices) => ofPoint(criticality(slices)),
  },
  {
    key: 'additivePaper',
    name: 'F summed over sites, T = 1/τ',
    choose: (slices, poles) => ofPoint(criticality(slices, PAPER, { poles })),
  },
  {
    key: 'inflections',
    name: 'F summed over sites, inflections too',
    choose: (slices, poles) => ofPoint(criticality(slices, INFLECTIONS, { poles })),
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

/** One histogram per slice, over all sites. @param {Slices} slices */
export function pooled(slices) {
  return slices.map(mergeAll);
}

/** @param {Slices} slices */
function asOneSite(slices) {
  return pooled(slices).map((h) => [h]);
}

/** @param {Pick<Criticality, 'critical'> | null} found @returns {Choice | null} */
function ofPoint(found) {
  if (found === null || found.critical === null) return null;
  const { threshold, sparsity, feature, interval } = found.critical;
  return { thresholds: threshold, sparsity, kind: feature, interval };
}

/** Each site at the first feature of its own curve; a site without one is left alone. @param {Slices} slices @returns {Choice | null} */
function ownThresholds(slices) {
  const own = siteCriticalPoints(slices);
  if (own.every((found) => found === null)) return null;
  const thresholds = Float32Array.from(own, (found) => found?.threshold ?? 0);
  return { thresholds, sparsity: predictedSparsity(slices, thresholds), kind: kinds(own) };
}

/** One F of |a| in units of each site's mean; its threshold, times the mean, at every site. @param {Slices} slices @returns {Choice | null} */
function oneMultiple(slices) {
  const { scaled, means } = inUnitsOfTheMean(slices);
  const critical = criticality(scaled)?.critical ?? null;
  if (critical === null) return null;
  const thresholds = Float32Array.from(means, (mean) => nearestEdge(critical.threshold * mean));
  return { thresholds, sparsity: predictedSparsity(slices, thresholds), kind: critical.feature };
}

/** One threshold for all: the median (the lower of two) of those of the sites that have one. @param {Slices} slices @returns {Choice | null} */
function medianThreshold(slices) {
  const own = siteCriticalPoints(slices);
  const found = own.flatMap((site) => site?.threshold ?? []).sort((a, b) => a - b);
  const threshold = found[(found.length - 1) >> 1];
  return threshold === undefined ? null : atAllSites(slices, threshold, own);
}

/** One threshold for all: the least of those of the sites with a fair share of the activations. @param {Slices} slices @returns {Choice | null} */
function earliestThreshold(slices) {
  const all = nonzeroCount(mergeAll(slices.flat()));
  const hasSay = histogramsBySite(slices).map((site) => nonzeroCount(mergeAll(site)) >= FAIR_SHARE * all);
  const own = siteCriticalPoints(slices).filter((_, site) => hasSay[site]);
  const found = own.flatMap((site) => site?.threshold ?? []);
  return found.length === 0 ? null : atAllSites(slices, Math.min(...found), own);
}

/** @type {(slices: Slices, threshold: number, own: readonly (CriticalPoint | null)[]) => Choice} */
function atAllSites(slices, threshold, own) {
  const thresholds = new Float32Array(present(slices[0]).length).fill(threshold);
  return { thresholds: threshold, sparsity: predictedSparsity(slices, thresholds), kind: kinds(own) };
}

/** @param {Slices} slices */
function siteCriticalPoints(slices) {
  return histogramsBySite(slices).map((site) => criticality(site.map((h) => [h]))?.critical ?? null);
}

/** The kinds of the sites' features, the most frequent first. @param {readonly (CriticalPoint | null)[]} own */
function kinds(own) {
  /** @type {Map<string, number>} */
  const counts = new Map();
  for (const { feature } of own.filter((found) => found !== null))
    counts.set(feature, (counts.get(feature) ?? 0) + 1);
  return [...counts]
    .sort((a, b) => b[1] - a[1])
    .map(([kind, n]) => `${n} ${kind}`)
    .join(', ');
}

/** β of the unpruned activations at one threshold per site. @type {(slices: Slices, thresholds: Float32Array) => number} */
function predictedSparsity(slices, thresholds) {
  let retained = 0;
  let total = 0;
  for (const [site, histograms] of histogramsBySite(slices).entries()) {
    const t = tails(mergeAll(histograms));
    retained += retainedFrom(t, binOf(present(thresholds[site]))).count;
    total += retainedFrom(t, 0).count;
  }
  return 1 - retained / total;
}
