// @ts-check

/** @import { Report } from './api.js' */
/** @import { Traffic } from './traffic.js' */

/**
 * What the live series hold of one moment. Shares are 0–1; null where nothing is known.
 *
 * @typedef {object} Frame
 * @property {number} at - Unix ms, the page's clock
 * @property {string} state
 * @property {number} changedAt - Unix ms, the server's clock
 * @property {boolean} isChange - whether the controller moved since the frame before
 * @property {number} threshold - applied to production; 0 is dense
 * @property {number | null} critical - τ*
 * @property {number | null} trial - threshold under test, when it is not the applied one
 * @property {number | null} sparsity - β in production
 * @property {number | null} trialSparsity - β of the threshold under test
 * @property {number | null} zeros - share of all activations that are zero, by themselves or by a gate
 * @property {number | null} agreement
 * @property {number | null} lowerBound
 * @property {number | null} upperBound
 * @property {number | null} floor
 * @property {number | null} distance
 * @property {number | null} limit
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
  const { threshold, judgedThreshold, sparsity, zeroRatio, agreement, drift } = report;
  const isPruned = threshold > 0;
  const isTrial = judgedThreshold > 0 && judgedThreshold !== threshold;
  const inProduction = isPruned ? sparsity : 0;
  const isCompared = agreement.ratio !== null;
  return {
    at,
    state: report.state,
    changedAt: report.change.at,
    isChange: before !== undefined && before.changedAt !== report.change.at,
    threshold,
    critical: report.critical?.threshold ?? null,
    trial: isTrial ? judgedThreshold : null,
    sparsity: inProduction,
    trialSparsity: isTrial ? sparsity : null,
    zeros: zeroRatio === null || inProduction === null ? null : zeroRatio + (1 - zeroRatio) * inProduction,
    agreement: agreement.ratio,
    lowerBound: isCompared ? agreement.lowerBound : null,
    upperBound: isCompared ? agreement.upperBound : null,
    floor: floorOf(report),
    distance: drift?.distance ?? null,
    limit: drift?.limit ?? null,
    traffic,
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
  return ['top1', 'relative', 'cosine'].includes(objective.measure) ? objective.floor : null;
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
