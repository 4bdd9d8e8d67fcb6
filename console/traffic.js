// @ts-check
import { samplesOf } from './exposition.js';
import { gained, quantile } from './quantile.js';

/** @import { Exposition } from './exposition.js' */
/** @import { Bucket } from './quantile.js' */

export const PHASES = /** @type {const} */ (['queue', 'infer', 'total']);

/** @typedef {Readonly<Record<(typeof PHASES)[number], number | null>>} PhaseSeconds */

/**
 * Rates and latencies over the last seconds; null where nothing is known.
 *
 * @typedef {object} Traffic
 * @property {number | null} answered - requests per second that were answered
 * @property {number | null} failed - requests per second that were not
 * @property {PhaseSeconds} p50 - median seconds by phase
 * @property {number | null} p99 - of the total
 */

/** @typedef {{ at: number, answered: number, failed: number, buckets: readonly (readonly Bucket[])[] }} Reading */

const SPAN_MS = 10_000;
const BUCKETS = 'taustat_request_duration_seconds_bucket';

/** @type {Traffic} */
export const NO_TRAFFIC = {
  answered: null,
  failed: null,
  p50: { queue: null, infer: null, total: null },
  p99: null,
};

/**
 * Turns the counters of one model, read again and again, into rates over the last ten seconds.
 *
 * @param {string} model
 */
export function createTrafficMeter(model) {
  /** @type {Reading[]} */
  let readings = [];

  /**
   * @param {number} at - ms
   * @param {Exposition} exposition
   * @returns {Traffic}
   */
  function observe(at, exposition) {
    const latest = readCounters(at, model, exposition);
    const previous = readings.at(-1);
    // Counters that went down were reset: the server was started again.
    if (previous !== undefined && latest.answered + latest.failed < previous.answered + previous.failed) {
      readings = [];
    }
    readings.push(latest);
    while (readings.length > 2 && at - /** @type {Reading} */ (readings[1]).at >= SPAN_MS) readings.shift();
    const first = /** @type {Reading} */ (readings[0]);
    return first === latest ? NO_TRAFFIC : trafficBetween(first, latest);
  }

  return { observe };
}

/**
 * @param {Reading} before
 * @param {Reading} after
 * @returns {Traffic}
 */
function trafficBetween(before, after) {
  const seconds = (after.at - before.at) / 1000;
  const gains = after.buckets.map((buckets, i) => gained(before.buckets[i] ?? [], buckets) ?? []);
  const [queue = null, infer = null, total = null] = gains.map((buckets) => quantile(buckets, 0.5));
  return {
    answered: (after.answered - before.answered) / seconds,
    failed: (after.failed - before.failed) / seconds,
    p50: { queue, infer, total },
    p99: quantile(gains.at(-1) ?? [], 0.99),
  };
}

/**
 * @param {number} at
 * @param {string} model
 * @param {Exposition} exposition
 * @returns {Reading}
 */
function readCounters(at, model, exposition) {
  let answered = 0;
  let failed = 0;
  for (const { labels, value } of samplesOf(exposition, 'taustat_requests_total', { model })) {
    if (labels.outcome === 'ok') answered += value;
    else failed += value;
  }
  const buckets = PHASES.map((phase) => {
    /** @type {Map<number, number>} */
    const counts = new Map();
    // Each version of the model has its own.
    for (const { labels, value } of samplesOf(exposition, BUCKETS, { model, phase })) {
      const upTo = labels.le === '+Inf' ? Number.POSITIVE_INFINITY : Number(labels.le);
      counts.set(upTo, (counts.get(upTo) ?? 0) + value);
    }
    return [...counts].map(([upTo, count]) => ({ upTo, count }));
  });
  return { at, answered, failed, buckets };
}
