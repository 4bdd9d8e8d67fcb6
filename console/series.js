// @ts-check
import { share } from './exposure.js';
import { decimal, duration, lossText, percent, rate, significant, times } from './format.js';
import { agreementName } from './objective.js';

/** @import { Frame } from './frames.js' */

/**
 * A line of a live plot.
 *
 * @typedef {object} Line
 * @property {string} label
 * @property {string} look - class of the stroke
 * @property {(frame: Frame) => number | null} of
 * @property {boolean} [isSilentAtZero] - whether a line that never leaves zero is not drawn
 */

/**
 * A live plot: its first line is the figure that is shown large.
 *
 * @typedef {object} Series
 * @property {string} id
 * @property {string} title
 * @property {(frame: Frame) => string} [titleOf] - where it depends on what is measured
 * @property {(frame: Frame) => boolean} [isAlarming] - whether the large figure is red
 * @property {readonly Line[]} lines
 * @property {readonly [(frame: Frame) => number | null, (frame: Frame) => number | null]} [band]
 * @property {(value: number | null) => string} format
 * @property {(value: number | null) => string} [tick] - format of the axis, when it is another
 * @property {(low: number, high: number, frames: readonly Frame[]) => readonly [number, number]} domain - from the
 *   extent of the lines
 * @property {(frame: Frame) => string} [note]
 */

/** @type {readonly Series[]} */
export const SERIES = [
  {
    id: 'loss',
    title: 'Mean loss of pruned answers',
    lines: [
      { label: 'mean', look: 'main', of: (frame) => frame.loss },
      { label: 'at least', look: 'second', of: (frame) => frame.lossLower },
      { label: 'at most', look: 'second', of: (frame) => frame.lossUpper },
      { label: 'allowed', look: 'limit', of: (frame) => frame.allowed },
    ],
    band: [(frame) => frame.lossLower, (frame) => frame.lossUpper],
    format: lossText,
    domain: lossDomain,
    isAlarming: (frame) => frame.standing === 'broken' || frame.standing === 'withdrawn',
  },
  {
    id: 'agreement',
    title: agreementName('auto'),
    titleOf: (frame) => agreementName(frame.measure),
    lines: [
      { label: 'pruned as dense', look: 'main', of: (frame) => frame.agreement },
      { label: 'lower bound', look: 'second', of: (frame) => frame.lowerBound },
      { label: 'floor', look: 'limit', of: (frame) => frame.floor },
    ],
    band: [(frame) => frame.lowerBound, (frame) => frame.upperBound],
    format: (value) => percent(value),
    domain: agreementDomain,
  },
  {
    id: 'speedup',
    title: 'Speed-up over plain',
    lines: [
      { label: 'measured', look: 'main', of: (frame) => frame.speedup },
      { label: 'at least', look: 'second', of: (frame) => frame.speedupLow },
      { label: 'at most', look: 'second', of: (frame) => frame.speedupHigh },
      { label: 'plain', look: 'limit', of: () => 1 },
    ],
    band: [(frame) => frame.speedupLow, (frame) => frame.speedupHigh],
    format: times,
    domain: (low, high) => [Math.min(0.8, low), Math.max(1.2, high * 1.05)],
    isAlarming: (frame) => frame.speedupHigh !== null && frame.speedupHigh < 1,
    note: (frame) => `${percent(frame.macsSkipped)} of the work left out`,
  },
  {
    id: 'sparsity',
    title: 'Sparsity β of production',
    lines: [
      { label: 'all of production', look: 'main', of: (frame) => frame.sparsity },
      { label: 'candidate', look: 'trial', of: (frame) => frame.candidateSparsity },
      { label: 'zeros in all', look: 'second', of: (frame) => frame.zeros },
    ],
    format: (value) => percent(value),
    tick: (value) => percent(value, 0),
    domain: (_, high) => [0, Math.min(1, Math.max(0.05, Math.ceil(high * 22) / 20))],
  },
  {
    id: 'threshold',
    title: 'Threshold τ',
    lines: [
      { label: 'in production', look: 'main', of: (frame) => frame.threshold },
      { label: 'critical τ*', look: 'critical', of: (frame) => frame.critical },
      { label: 'candidate', look: 'trial', of: (frame) => frame.candidate },
    ],
    format: significant,
    domain: (_, high) => [0, high * 1.15 || 1],
    note: (frame) => `${share(frame.exposure)} exposed`,
  },
  {
    id: 'drift',
    title: 'Drift distance',
    lines: [
      { label: 'distance', look: 'main', of: (frame) => frame.distance },
      { label: 'limit', look: 'limit', of: (frame) => frame.limit },
    ],
    format: (value) => decimal(value, 3),
    tick: (value) => decimal(value, 2),
    domain: (_, high) => [0, high * 1.25 || 0.1],
  },
  {
    id: 'latency',
    title: 'Latency, median',
    lines: [
      { label: 'total', look: 'main', of: (frame) => frame.traffic.p50.total },
      { label: 'infer', look: 'second', of: (frame) => frame.traffic.p50.infer },
      { label: 'queue', look: 'third', of: (frame) => frame.traffic.p50.queue },
    ],
    format: duration,
    tick: (value) => (value === 0 ? '0' : duration(value)),
    domain: (_, high) => [0, high * 1.15 || 0.001],
    note: (frame) => `p99 ${duration(frame.traffic.p99)}`,
  },
  {
    id: 'requests',
    title: 'Requests / s',
    lines: [
      { label: 'answered', look: 'main', of: (frame) => frame.traffic.answered },
      { label: 'failed', look: 'limit', of: (frame) => frame.traffic.failed, isSilentAtZero: true },
    ],
    format: rate,
    domain: (_, high) => [0, high * 1.15 || 1],
  },
];

/** How far below the measured agreement its lower bound is still shown: with few answers it says nothing yet. */
const BOUND_ROOM = 0.04;

/** @type {Series['domain']} */
function agreementDomain(_low, _high, frames) {
  let low = 0.98;
  for (const { agreement, lowerBound, floor } of frames) {
    if (agreement !== null) low = Math.min(low, agreement, Math.max(lowerBound ?? 1, agreement - BOUND_ROOM));
    if (floor !== null) low = Math.min(low, floor);
  }
  return [Math.max(0, low - (1 - low) * 0.15), 1];
}

/** Room for the mean and its limit; the upper bound of a few answers says nothing yet. */
const MOST_OF_ALLOWED = 4;

/** @type {Series['domain']} */
function lossDomain(_low, _high, frames) {
  let high = 0;
  for (const { loss, lossUpper, allowed } of frames) {
    const limit = allowed ?? 0;
    high = Math.max(high, 1.25 * limit, loss ?? 0, Math.min(lossUpper ?? 0, MOST_OF_ALLOWED * limit));
  }
  return [0, Math.min(1, high * 1.1) || 1];
}
