// @ts-check

import { reasonText } from './change-words.js';
import { productionLoss, standingOf } from './objective.js';
import { etaText } from './state-panel.js';

/** @import { IndexEntry, Overview } from './api.js' */
/** @import { Standing } from './objective.js' */

/**
 * One model of the server. Shares are 0–1; null where nothing is known.
 *
 * @typedef {object} FleetRow
 * @property {string} model
 * @property {string} state - `unavailable` where it does not answer
 * @property {string | null} mode
 * @property {number | null} exposure - share of production at the candidate
 * @property {number | null} saved - share of the plain model's time that is saved; negative: lost
 * @property {number | null} loss - mean over all of production
 * @property {number | null} allowed
 * @property {Standing} standing
 * @property {string} note - what is tested next, why the state is what it is, or why there is no answer
 */

/**
 * Models by name, in the order of the index: a model with one version that answers does answer.
 *
 * @param {readonly IndexEntry[]} index
 * @returns {ReadonlyMap<string, string | null>} why each does not answer; null: it does
 */
export function namedModels(index) {
  /** @type {Map<string, string | null>} */
  const models = new Map();
  for (const { name, state, reason } of index) {
    if (state === 'READY') models.set(name, null);
    else if (!models.has(name)) models.set(name, reason || 'not loaded');
  }
  return models;
}

/**
 * Every model that should be, as far as it is known.
 *
 * @param {readonly IndexEntry[]} index
 * @param {readonly Overview[]} overview
 * @returns {readonly FleetRow[]}
 */
export function fleetRows(index, overview) {
  const answering = new Map(overview.map((one) => [one.model, one]));
  return [...namedModels(index)].map(([model, reason]) => {
    const known = answering.get(model);
    return known === undefined ? unavailableRow(model, reason ?? 'not loaded') : servedRow(known);
  });
}

/**
 * @param {Overview} report
 * @returns {FleetRow}
 */
export function servedRow(report) {
  const { model, state, mode, exposure, speedup, loss } = report;
  return {
    model,
    state,
    mode,
    exposure,
    saved: speedup === null ? null : 1 - 1 / speedup.ratio,
    loss: productionLoss(report),
    allowed: loss.allowed,
    standing: standingOf(report),
    note: etaText(report) ?? reasonText(report.change.reason),
  };
}

/**
 * @param {string} model
 * @param {string} note - why it does not answer
 * @returns {FleetRow}
 */
export function unavailableRow(model, note) {
  const unknown = { mode: null, exposure: null, saved: null, loss: null, allowed: null };
  return { model, state: 'unavailable', ...unknown, standing: 'unknown', note };
}

/**
 * The fleet in one sentence.
 *
 * @param {readonly FleetRow[]} rows
 */
export function fleetText(rows) {
  const answering = rows.filter(({ state }) => state !== 'unavailable');
  const pruned = answering.filter(({ exposure }) => (exposure ?? 0) > 0);
  const broken = answering.filter(({ standing }) => standing === 'broken');
  const parts = [`${rows.length} models`, `${pruned.length} pruned`];
  if (answering.length < rows.length) parts.push(`${rows.length - answering.length} unavailable`);
  if (broken.length > 0) parts.push(`${broken.length} above the allowed loss`);
  return `${parts.join(', ')}.`;
}
