// @ts-check

import { standingOf } from './objective.js';
import { NO_TRAFFIC } from './traffic.js';

/** @import { History, PastChange, Report } from './api.js' */
/** @import { Traffic } from './traffic.js' */

/**
 * What the live series hold of one moment. Shares are 0–1; null where nothing is known.
 *
 * @typedef {object} Frame
 * @property {number} at - Unix ms, the page's clock
 * @property {string} state
 * @property {number} changedAt - Unix ms, the server's clock
 * @property {boolean} isChange - whether the controller moved since the frame before
 * @property {number} threshold - of the largest pruned share of production; 0: every answer is dense
 * @property {number | null} critical - τ*
 * @property {number | null} candidate - where it is not what that share runs at
 * @property {number} exposure - share of production at the candidate
 * @property {number | null} sparsity - β over all of production
 * @property {number | null} candidateSparsity - β of the candidate, where it is not all of production
 * @property {number | null} zeros - share of all activations that are zero, by themselves or by a gate
 * @property {number | null} loss - mean of pruned answers
 * @property {number | null} lossLower
 * @property {number | null} lossUpper
 * @property {number | null} allowed
 * @property {import('./objective.js').Standing} standing
 * @property {number | null} agreement
 * @property {number | null} lowerBound
 * @property {number | null} upperBound
 * @property {number | null} floor
 * @property {string} measure
 * @property {number | null} distance
 * @property {number | null} limit
 * @property {number | null} speedup - time of the plain model over time as served
 * @property {number | null} speedupLow
 * @property {number | null} speedupHigh
 * @property {number | null} macsSkipped - share of multiplications that are left out
 * @property {Traffic} traffic
 */

const SPAN_MS = 10 * 60_000;

/**
 * @param {number} at
 * @param {Report} report
 * @param {Traffic} traffic
 * @param {Frame | undefined} before
 * @returns {Frame}
 */
export function frameOf(at, report, traffic, before) {
  const { threshold, candidate, exposure, sparsity, candidateSparsity, zeroRatio } = report;
  const { loss, agreement, drift, objective } = report;
  const isCompared = agreement.ratio !== null;
  return {
    at,
    state: report.state,
    changedAt: report.change.at,
    isChange: before !== undefined && before.changedAt !== report.change.at,
    threshold,
    critical: report.critical?.threshold ?? null,
    candidate: candidate === threshold ? null : candidate,
    exposure,
    sparsity,
    candidateSparsity: exposure === 1 ? null : candidateSparsity,
    zeros: zeroRatio === null || sparsity === null ? null : zeroRatio + (1 - zeroRatio) * sparsity,
    loss: loss.mean,
    lossLower: loss.mean === null ? null : loss.lower,
    lossUpper: loss.mean === null ? null : loss.upper,
    allowed: loss.allowed,
    standing: standingOf(report),
    agreement: agreement.ratio,
    lowerBound: isCompared ? agreement.lowerBound : null,
    upperBound: isCompared ? agreement.upperBound : null,
    floor: floorOf(report),
    measure: objective.measure,
    distance: drift?.distance ?? null,
    limit: drift?.limit ?? null,
    speedup: report.speedup?.ratio ?? null,
    speedupLow: report.speedup?.low ?? null,
    speedupHigh: report.speedup?.high ?? null,
    macsSkipped: report.macsSkipped,
    traffic,
  };
}

/** Of two frames of the past; a change has one of its own. */
const PAST_STEP_MS = 2000;

/**
 * What the series would have held before the page was opened, as far as the server's history tells: state, threshold,
 * exposure and candidate.
 *
 * @param {History} history
 * @param {number} now - Unix ms, the page's clock
 * @returns {Frame[]}
 */
export function pastFrames({ now: serverNow, changes }, now) {
  const shift = now - serverNow;
  const start = now - SPAN_MS;
  return changes.flatMap((change, i) => {
    const from = change.at + shift;
    const to = (changes[i + 1]?.at ?? serverNow) + shift;
    const first = Math.max(from, start);
    if (to <= first) return [];
    const count = Math.ceil((to - first) / PAST_STEP_MS);
    return Array.from({ length: count + 1 }, (_, k) => {
      const at = k === count ? to - 1 : first + k * PAST_STEP_MS;
      return pastFrame(at, change, k === 0 && i > 0 && from >= start);
    });
  });
}

/**
 * @param {number} at
 * @param {PastChange} change
 * @param {boolean} isChange
 * @returns {Frame}
 */
function pastFrame(at, { at: changedAt, state, threshold, exposure, candidate }, isChange) {
  return {
    at,
    state,
    changedAt,
    isChange,
    threshold,
    critical: null,
    candidate: candidate === threshold ? null : candidate,
    exposure,
    sparsity: null,
    candidateSparsity: null,
    zeros: null,
    loss: null,
    lossLower: null,
    lossUpper: null,
    allowed: null,
    standing: 'unknown',
    agreement: null,
    lowerBound: null,
    upperBound: null,
    floor: null,
    measure: '',
    distance: null,
    limit: null,
    speedup: null,
    speedupLow: null,
    speedupHigh: null,
    macsSkipped: null,
    traffic: NO_TRAFFIC,
  };
}

/**
 * The agreement that the guard asks for, where its objective is the share of answers that agree: a loss that weighs them
 * has no place on that axis.
 *
 * @param {Report} report
 * @returns {number | null}
 */
export function floorOf({ objective }) {
  return ['top1', 'relative', 'spread', 'cosine', 'exact'].includes(objective.measure)
    ? objective.floor
    : null;
}

/**
 * The frames with one more, without those that are too old to be shown.
 *
 * @param {readonly Frame[]} frames
 * @param {Frame} frame
 * @returns {Frame[]}
 */
export function withFrame(frames, frame) {
  return [...frames.filter(({ at }) => frame.at - at <= SPAN_MS), frame];
}

/** A frame is late when the page or the server slept: lines are broken there. */
export const LATE_MS = 6000;

const SHORTEST_MS = 60_000;

/**
 * The time that the series show: all frames, and at least a minute.
 *
 * @param {readonly Frame[]} frames
 * @returns {readonly [number, number]}
 */
export function timeDomain(frames) {
  const end = frames.at(-1)?.at ?? 0;
  return [Math.min(frames[0]?.at ?? end, end - SHORTEST_MS), end];
}
