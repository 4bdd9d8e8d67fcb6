// How long drift stays quiet on traffic that never moves: the detector alone, on recorded summaries.
import { averageOf } from '../../../dist/drift/average.js';
import { driftReference } from '../../../dist/drift/detector.js';
import { scoreOf } from '../../../dist/drift/normal-scores.js';
import { xorshift } from '../../../dist/drift/xorshift.js';
import { summarize } from '../../../dist/estimator/summary.js';
import { present } from '../../present.mjs';
import { unpacked } from '../recording/histograms.mjs';
import { recording } from '../recording/store.mjs';
import { betweenAndWithin } from '../report/statistics.mjs';
import { driftOptionsOf } from './settings.mjs';

/**
 * @typedef {import('../../../dist/estimator/summary.js').RequestSummary} RequestSummary
 * @typedef {{ alarm: 'drift', row: string, configured: number, observed: number, alarms: number,
 *   standardError: number, spread: number }} DriftRunLength
 * Sampled requests until the false alarm: the mean over references, and the standard deviation between references of
 * each one's own mean, as a share of the mean.
 */

const REFERENCES = 400;
/** Alarms of each reference; as many again tell how much references differ. */
const RUNS = 4;

/** @type {(options: { row: string, configured: readonly number[] }) => DriftRunLength[]} */
export function driftRunLengths({ row, configured }) {
  const { about, columns } = recording(row, 'base');
  const pool = Array.from({ length: about.rows }, (_, i) =>
    summarize(Array.from({ length: about.sites }, (_, site) => unpacked(columns, i * about.sites + site))),
  );
  return configured.map((runLength) => {
    const random = xorshift(runLength);
    const lengths = Array.from({ length: REFERENCES }, () => ownRunLengths(pool, runLength, random));
    const { mean, standardError, spread } = betweenAndWithin(lengths);
    const alarms = REFERENCES * RUNS;
    return { alarm: 'drift', row, configured: runLength, observed: mean, alarms, standardError, spread };
  });
}

/** @type {(pool: readonly RequestSummary[], runLength: number, random: () => number) => number[]} */
function ownRunLengths(pool, runLength, random) {
  const { window, memory } = driftOptionsOf();
  const draw = () => Math.floor(random() * pool.length);
  const reference = driftReference(
    Array.from({ length: window }, () => present(pool[draw()])),
    { runLength, memory },
  );
  const scores = scoresOf(pool, reference);
  return Array.from({ length: RUNS }, () => untilAlarm(reference, scores, draw));
}

/** Scores of every request of the pool, in a row: they are asked for again and again. @type {(pool: readonly RequestSummary[], reference: import('../../../dist/drift/detector.js').DriftReference) => Float64Array} */
export function scoresOf(pool, { sorted, scores }) {
  return Float64Array.from(
    pool.flatMap((request) => request.map((x, c) => scoreOf(x, present(sorted[c]), scores))),
  );
}

/**
 * Requests until the alarm; as readDrift has it, from scores that are known.
 *
 * @param {import('../../../dist/drift/detector.js').DriftReference} reference
 * @param {Float64Array} scores
 * @param {() => number} draw - index of a request.
 */
export function untilAlarm({ memory, limit, sorted }, scores, draw) {
  const { length } = sorted;
  const { weight } = averageOf(memory);
  const averages = new Float64Array(length);
  for (let requests = 1; ; requests++) {
    const from = draw() * length;
    let isOver = false;
    for (let c = 0; c < length; c++) {
      const before = present(averages[c]);
      const average = before + weight * (present(scores[from + c]) - before);
      averages[c] = average;
      if (Math.abs(average) > limit) isOver = true;
    }
    if (isOver) return requests;
  }
}
