// @ts-check
import { reasonText } from './change-words.js';
import { byId, setText } from './elements.js';
import { answersText } from './exposure.js';
import { ago, clock, shorten, significant } from './format.js';

/** @import { Report } from './api.js' */

/** What the controller does in each state; what clients get is said beside it, by what production runs at. */
const MEANINGS = {
  off: 'The untouched model answers; nothing is sampled.',
  observe: 'Candidates are measured on shadow traffic; none is applied.',
  fixed: 'The operator’s threshold is applied; the guard can still withdraw it.',
  warming: 'The window of sampled requests is filling.',
  featureless: 'There is no candidate whose answers could be judged.',
  trial: 'A candidate is tried on shadow traffic.',
  tracking: 'A candidate gets as much of production as the evidence allows; a higher one may be tried.',
  drifted: 'The traffic moved away from the reference; a fresh window fills.',
  fallback:
    'The pruned answers were withdrawn: they disagreed with the dense model, or nothing was known of them.',
  unprofitable: 'A threshold is proven, but pruning saves no time on this machine.',
  unverified: 'Too long no pruned answer was compared; the threshold comes back once enough are again.',
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
  const measure = byId('measure', HTMLElement);

  /**
   * @param {Report} report
   * @param {number} now - Unix ms
   */
  return function update(report, now) {
    panel.dataset.state = report.state;
    setText(name, report.state);
    setText(meaning, meaningOf(report));
    const { at, reason, detail } = report.change;
    setText(change, `${reasonText(reason)}: ${shorten(detail)}`);
    change.title = detail;
    setText(changedAt, at > 0 ? `${clock(at)}, ${ago(at, now)}` : 'at the start');
    if (at > 0) changedAt.dateTime = new Date(at).toISOString();
    setText(measure, objectiveOf(report));
    const { samples, capacity } = report.window;
    progress.max = capacity;
    progress.value = samples;
    setText(progressText, progressOf(report));
    const { ok, dropped, overBudget, failed } = report.shadow;
    setText(shadow, `shadow runs: ${ok} ok, ${dropped} dropped, ${overBudget} over budget, ${failed} failed`);
  };
}

/** @param {Report} report */
function meaningOf(report) {
  const { state, phase, sites } = report;
  const meaning = sites.length === 0 ? 'No site of this model can be gated.' : (MEANINGS[state] ?? '');
  const would = state === 'observe' ? ` Mode auto would now be in state ${phase.kind}.` : '';
  const upstream = upstreamText(report);
  return `${answersText(report)} ${meaning}${would}${upstream === '' ? '' : ` ${upstream}`}`;
}

/**
 * Where the model runs, and what cannot be done with it there; empty where it runs in this process.
 *
 * @param {Pick<Report, 'upstream'>} report
 */
export function upstreamText({ upstream }) {
  if (!upstream) return '';
  const { url, capability, reason, doubt } = upstream;
  const where = `It runs at ${url}.`;
  if (doubt !== null) return `${where} Answers are dense until it is known to be the same: ${shorten(doubt)}`;
  if (capability === 'plain') return `${where} Nothing can be pruned there: ${reason}.`;
  if (capability === 'thresholds')
    return `${where} Only mode fixed prunes, since no threshold can be found: ${reason}.`;
  return where;
}

/**
 * How answers are judged, or why they cannot be.
 *
 * @param {Pick<Report, 'objective'>} report
 */
export function objectiveOf({ objective }) {
  const { measure, floor, outputs, vacuous, reason } = objective;
  const allowed = `mean loss of at most ${significant(1 - floor)}`;
  if (vacuous === null)
    return `objective: ${allowed}; what it is measured by is decided on the first answers`;
  if (vacuous) return `objective: ${allowed} by ${measure}, which proves nothing: ${reason}`;
  const judged = outputs.map((output) => `${output.name} (${output.kind}) by ${output.measure}`);
  return `objective: ${allowed}; ${judged.join(', ')}`;
}

/**
 * What the controller waits for, in words. In mode fixed and off it searches for nothing, whatever it found before.
 *
 * @param {Report} report
 */
export function progressOf({ phase, window, agreement, judgedThreshold, mode, search, streams }) {
  const { samples, capacity } = window;
  const filled = [`window ${samples} of ${capacity} sampled requests`, streamsOf(streams)]
    .filter(Boolean)
    .join('; ');
  const judged = searchOf(search);
  if (mode === 'off') return filled;
  if (mode === 'fixed') return [filled, comparedOf(agreement, judgedThreshold)].filter(Boolean).join('; ');
  switch (phase.kind) {
    case 'trial':
      return `${filled}; ${judged ?? trialOf(phase.trial) ?? comparedOf(agreement, judgedThreshold)}`;
    case 'fallback':
      return `${filled}; dense for ${phase.samplesLeft} more`;
    case 'unverified':
      return `${filled}; ${phase.compared} answers compared since`;
    case 'tracking':
      return [filled, comparedOf(agreement, judgedThreshold), judged ?? trialOf(phase.trial)]
        .filter(Boolean)
        .join('; ');
    default:
      return filled;
  }
}

/**
 * Where requests resemble those before them: how many count as one, and how far the reference of drift is.
 *
 * @param {Report['streams'] | undefined} streams
 */
export function streamsOf(streams) {
  if (streams === undefined || streams.blockRequests === 1) return null;
  const { blockRequests, gathered } = streams;
  const reference =
    gathered === null
      ? ''
      : `, drift is watched once ${gathered.of} of them make a reference (${gathered.requests} so far)`;
  return `requests resemble those before them: ${blockRequests} in a row count as one${reference}`;
}

/**
 * @param {Report['agreement']} agreement
 * @param {number} threshold
 */
function comparedOf({ pairs }, threshold) {
  return threshold === 0 ? null : `${pairs} answers compared at τ ${significant(threshold)}`;
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

/**
 * Which candidate is tested on kept requests, and about how long that takes still.
 *
 * @param {Report['search'] | undefined} search
 */
function searchOf(search) {
  if (search === null || search === undefined) return null;
  const { stage, next } = search;
  if (stage === 'pilot') return 'a pilot picks the candidates that are tested';
  if (next === null) return null;
  const { threshold, inputs, secondsLeft } = next;
  const left = secondsLeft === null ? '' : `, about ${durationOf(secondsLeft)} to go`;
  return `τ ${significant(threshold)} tested on ${inputs} kept requests${left}`;
}

/**
 * What is decided next, and about when; null where nothing is tested or the pace is not known.
 *
 * @param {Pick<Report, 'search' | 'mode'>} report
 */
export function etaText({ search, mode }) {
  if (mode === 'off' || mode === 'fixed' || !search) return null;
  if (search.stage === 'pilot') return 'a pilot picks the candidates';
  if (search.next === null || search.next.secondsLeft === null) return null;
  const { threshold, secondsLeft } = search.next;
  return `τ ${significant(threshold)} is decided in about ${durationOf(secondsLeft)}`;
}

/** @param {number} seconds */
function durationOf(seconds) {
  if (seconds < 90) return `${Math.ceil(seconds)} s`;
  return seconds < 5400 ? `${Math.ceil(seconds / 60)} min` : `${Math.ceil(seconds / 3600)} h`;
}
