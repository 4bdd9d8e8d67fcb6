// @ts-check
import { lossText, percent } from './format.js';

/** @import { Report } from './api.js' */

/**
 * How the objective stands. `unknown`: nothing is compared. `shadow`: known of a candidate that no client gets. `kept`.
 * `above`: pruned answers lose more than is allowed, yet their share is so small that production does not. `broken`:
 * production loses more than is allowed. `withdrawn`: it did, and the threshold was taken from production.
 *
 * @typedef {'unknown' | 'shadow' | 'kept' | 'above' | 'broken' | 'withdrawn'} Standing
 */

/** @typedef {Pick<Report, 'loss' | 'exposure' | 'production' | 'state' | 'change'>} Judged */

/**
 * Mean loss over all of production; null where nobody has measured it. Where the rest is dense it loses nothing.
 *
 * @param {Pick<Report, 'loss' | 'exposure' | 'production'>} report
 */
export function productionLoss({ loss, exposure, production }) {
  if (loss.mean === null || exposure === 0) return null;
  return production.rest > 0 ? loss.mean : exposure * loss.mean;
}

/**
 * @param {Judged} report
 * @returns {Standing}
 */
export function standingOf(report) {
  const { loss, exposure, state, change } = report;
  if (state === 'fallback' && change.reason === 'disagreement') return 'withdrawn';
  if (loss.mean === null) return 'unknown';
  if (exposure === 0) return 'shadow';
  if (/** @type {number} */ (productionLoss(report)) > loss.allowed) return 'broken';
  return loss.mean > loss.allowed ? 'above' : 'kept';
}

/**
 * The objective in words, of the figure that is shown above them.
 *
 * @param {Judged & Pick<Report, 'agreement'>} report
 */
export function objectiveText(report) {
  const { loss, agreement } = report;
  const compared = `${agreement.pairs} answers compared`;
  switch (standingOf(report)) {
    case 'unknown':
      return 'No pruned answer has been compared yet.';
    case 'shadow':
      return `Of the candidate in the shadow, ${compared}; no client gets it.`;
    case 'kept':
      return `The objective is kept; ${compared}.`;
    case 'above':
      return `Production loses ${lossText(productionLoss(report))}, since little of it is pruned; ${compared}.`;
    case 'withdrawn':
      return 'The objective was broken; the threshold is withdrawn.';
    case 'broken':
      return loss.lower > loss.allowed
        ? `The objective is broken; ${compared}.`
        : `The objective is broken so far; it may be chance, ${compared}.`;
  }
}

/**
 * What it means that answers agree, by the measure of the objective.
 *
 * @param {string} measure
 */
export function agreementName(measure) {
  return measure === 'relative' || measure === 'cosine' ? 'Within tolerance' : 'Same class (top-1)';
}

/** @param {Pick<Report, 'agreement' | 'objective'>} report */
export function agreementText({ agreement: { ratio, lowerBound, pairs }, objective }) {
  const name = agreementName(objective.measure);
  return ratio === null
    ? `${name}: –`
    : `${name}: ${percent(ratio)} of ${pairs}, at least ${percent(lowerBound)}`;
}
