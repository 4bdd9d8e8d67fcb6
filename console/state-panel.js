// @ts-check
import { byId, setText } from './elements.js';
import { ago, clock, percent, shorten, significant } from './format.js';

/** @import { Report } from './api.js' */

/** What each state means for the answers that clients get. */
const MEANINGS = {
  off: 'Dense answers from the untouched model; nothing is sampled.',
  observe: 'Candidates are measured on shadow traffic; answers stay dense.',
  fixed: 'The operator’s threshold is applied; the guard can still fall back to dense.',
  warming: 'The window of sampled requests is filling; answers are dense.',
  featureless: 'The free energy offers no candidate; answers are dense.',
  trial: 'A candidate is tried on shadow traffic; answers are dense.',
  tracking:
    'A threshold is applied to as much of production as the evidence allows; agreement and drift are watched, and a higher one may be tried.',
  drifted: 'The traffic moved away from the reference; answers are dense while a fresh window fills.',
  fallback: 'Pruned answers disagreed with the dense model; answers are dense.',
  unverified: 'Too long no pruned answer was compared; answers are dense until enough of them are again.',
};

/** The panel that says what the controller does, why, and since when. */
export function createStatePanel() {
  const panel = byId('status', HTMLElement);
  const name = byId('state', HTMLElement);
  const meaning = byId('meaning', HTMLElement);
  const change = byId('change', HTMLElement);
  const changedAt = byId('changed-at', HTMLTimeElement);
  const progress = byId('progress', HTMLProgressElement);
  const progressText = byId('progress-text', HTMLElement);
  const shadow = byId('shadow', HTMLElement);

  /**
   * @param {Report} report
   * @param {number} now - Unix ms
   */
  return function update(report, now) {
    panel.dataset.state = report.state;
    setText(name, report.state);
    setText(meaning, meaningOf(report));
    const { at, reason, detail } = report.change;
    setText(change, `${reason}: ${shorten(detail)}`);
    change.title = detail;
    setText(changedAt, at > 0 ? `${clock(at)}, ${ago(at, now)}` : 'at the start');
    if (at > 0) changedAt.dateTime = new Date(at).toISOString();
    const { samples, capacity } = report.window;
    progress.max = capacity;
    progress.value = samples;
    setText(progressText, progressOf(report));
    const { ok, dropped, failed } = report.shadow;
    setText(shadow, `shadow runs: ${ok} ok, ${dropped} dropped, ${failed} failed`);
  };
}

/** @param {Report} report */
function meaningOf({ state, phase, sites }) {
  if (sites.length === 0) return 'No site of this model can be gated; answers are dense.';
  const meaning = MEANINGS[state] ?? '';
  return state === 'observe' ? `${meaning} Mode auto would now be in state ${phase.kind}.` : meaning;
}

/**
 * What the controller waits for, in words.
 *
 * @param {Report} report
 */
export function progressOf({ phase, window, agreement, judgedThreshold, mode }) {
  const { samples, capacity } = window;
  const filled = `window ${samples} of ${capacity} sampled requests`;
  if (mode === 'off') return filled;
  switch (phase.kind) {
    case 'trial':
      return `${filled}; ${trialOf(phase.trial) ?? `${agreement.pairs} answers compared at τ ${significant(judgedThreshold)}`}`;
    case 'fallback':
      return `${filled}; dense for ${phase.samplesLeft} more`;
    case 'unverified':
      return `${filled}; ${phase.compared} answers compared since`;
    case 'tracking':
      return [filled, shareOf(phase.share), agreementOf(agreement), trialOf(phase.trial)]
        .filter((part) => part !== null)
        .join('; ');
    default:
      return filled;
  }
}

/** @param {number | undefined} share */
function shareOf(share) {
  return share === undefined || share === 1 ? null : `${percent(share, 0)} of production so far`;
}

/** @param {Report['agreement']} agreement */
function agreementOf({ ratio, pairs }) {
  return ratio === null ? null : `agreement ${percent(ratio)} over ${pairs} answers`;
}

/**
 * How far the trial has come; proof takes so many comparisons at the least.
 *
 * @param {{ readonly threshold: number, readonly observations: number, readonly needed: number } | null | undefined} trial
 */
function trialOf(trial) {
  if (trial === null || trial === undefined) return null;
  const { threshold, observations, needed } = trial;
  const enough = observations < needed ? `of at least ${needed} ` : '';
  return `τ ${significant(threshold)} on trial, ${observations} ${enough}compared`;
}
