// @ts-check
import { percent, significant } from './format.js';

/** @import { Report } from './api.js' */

/** Shares of production at the candidate, stage by stage. */
export const STAGES = /** @type {const} */ ([0.01, 0.05, 0.25, 1]);

/** @typedef {Pick<Report, 'exposure' | 'production'>} Exposed */

/**
 * What clients are answered, in one sentence: the only words of the page that say "dense" of answers.
 *
 * @param {Exposed} report
 */
export function answersText({ exposure, production: { threshold, rest } }) {
  if (exposure === 0) return 'Every answer is dense.';
  if (exposure === 1) return `Every answer is pruned at τ ${significant(threshold)}.`;
  const others = rest > 0 ? `the rest at τ ${significant(rest)}` : 'the rest is dense';
  return `${share(exposure)} of production is pruned at τ ${significant(threshold)}, ${others}.`;
}

/**
 * What runs where, for beside the bar.
 *
 * @param {Exposed & Pick<Report, 'candidate' | 'mode' | 'state'>} report
 * @returns {{ readonly candidate: string, readonly rest: string }}
 */
export function exposureTexts({ exposure, candidate, production, mode, state }) {
  const rest = production.rest > 0 ? `τ ${significant(production.rest)}` : 'dense';
  if (candidate === null) return { candidate: 'no candidate', rest: `all of production: ${rest}` };
  const name = `τ ${significant(candidate)}`;
  if (exposure === 1) return { candidate: `all of production: ${name}`, rest: '' };
  if (exposure === 0) {
    const why = mode === 'fixed' || state === 'unverified' ? 'withheld' : 'in the shadow';
    return { candidate: `candidate ${name}, ${why}`, rest: `all of production: ${rest}` };
  }
  return { candidate: `${share(exposure)}: candidate ${name}`, rest: `${share(1 - exposure)}: ${rest}` };
}

/** @param {number} ratio */
export function share(ratio) {
  return percent(ratio, Number.isInteger(Math.round(ratio * 1e6) / 1e4) ? 0 : 1);
}
