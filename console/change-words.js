// @ts-check

/** @import { PastChange } from './api.js' */

/**
 * Why a state changed, in words; the server's own sentence of evidence stands beside it.
 *
 * @type {Readonly<Record<PastChange['reason'], string>>}
 */
const REASONS = {
  operator: 'mode was set',
  'critical-point': 'critical point found',
  pilot: 'pilot chose the candidates',
  'no-feature': 'no critical point',
  vacuous: 'objective proves nothing',
  'agreement-proven': 'agreement proven',
  'agreement-unproven': 'agreement not proven',
  ramped: 'share of production changed',
  disagreement: 'answers disagreed',
  drift: 'traffic drifted',
  'critical-point-moved': 'critical point moved',
  failure: 'a pruned run failed',
  unverified: 'too few answers compared',
  verified: 'answers compared again',
  retry: 'another try',
  time: 'time saved was judged',
  unshared: 'alone, without the common state',
  shared: 'common state of all replicas',
};

/**
 * @param {PastChange['reason']} reason
 * @returns {string} the reason itself where a newer server has one that this page does not know
 */
export function reasonText(reason) {
  return REASONS[reason] ?? reason;
}
