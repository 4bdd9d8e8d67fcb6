// How much each objective harvests, and what it costs in true accuracy: nothing but recordings and labels.
import { binOf } from '../../../dist/estimator/bins.js';
import { mergeAll, retainedFrom, tails } from '../../../dist/estimator/histogram.js';
import { present } from '../../present.mjs';
import { unpacked } from '../recording/histograms.mjs';
import { calibrationError } from './calibration.mjs';
import { argmax, byObjective, denseAnswers, LOSSES, weightOf } from './losses.mjs';

/** The loss that every objective allows. */
export const ALLOWED = 0.01;
/** Points of the curves up to here are compared with the truth. */
const COMPARED_DISAGREEMENT = 0.1;

/**
 * @typedef {import('./losses.mjs').Answer} Answer
 * @typedef {import('./losses.mjs').Objective} Objective
 * @typedef {import('../recording/store.mjs').Recording} Recording
 * @typedef {{ threshold: number, sparsity: number, accuracyLoss: number, losses: Record<Objective, number> }} Point
 * @typedef {ReturnType<typeof objectivesOf>} Objectives
 */

/** @param {Recording} recording */
export function objectivesOf(recording) {
  const { rows, classes, sites, name } = recording.about;
  const { pruned, thresholds } = recording.columns;
  const { answers, temperature } = denseAnswers({ ...recording.about, ...recording.columns });
  const sparsityAt = sparsityOf(recording.columns, rows * sites);
  const points = Array.from(thresholds, (threshold, k) => {
    const pairs = answers.map((dense, i) => {
      const scores = pruned.subarray((k * rows + i) * classes, (k * rows + i + 1) * classes);
      return { dense, scores, top: argmax(scores) };
    });
    return {
      threshold,
      sparsity: sparsityAt(threshold),
      accuracyLoss: accuracyLoss(pairs),
      losses: byObjective((key) => lossOf(key, pairs)),
    };
  });
  return {
    name,
    denseAccuracy: answers.filter(({ top, label }) => top === label).length / rows,
    temperature,
    calibrationError: errorOf(answers, 'p'),
    calibratedError: errorOf(answers, 'calibrated'),
    chosen: byObjective((key) => chosenBy(points, key)),
    errors: byObjective((key) => errorsOf(points, key)),
    accuracyOracle: furthest(points, ({ accuracyLoss: loss }) => loss <= ALLOWED + 1e-9),
  };
}

/** β as a function of the threshold, over all inputs and sites. @type {(columns: Recording['columns'], histograms: number) => (threshold: number) => number} */
function sparsityOf(columns, histograms) {
  const t = tails(mergeAll(Array.from({ length: histograms }, (_, i) => unpacked(columns, i))));
  const total = retainedFrom(t, 0).count;
  return (threshold) => 1 - retainedFrom(t, binOf(threshold)).count / total;
}

/** @typedef {{ dense: Answer, scores: Float32Array, top: number }} Pair - a dense answer, and the pruned one with its class. */

/** Mean loss of all answers. @type {(key: Objective, pairs: readonly Pair[]) => number} */
function lossOf(key, pairs) {
  let sum = 0;
  let weights = 0;
  for (const { dense, scores, top } of pairs) {
    const weight = weightOf(key, dense);
    sum += weight * LOSSES[key](dense, scores, top);
    weights += weight;
  }
  return sum / weights;
}

/** @param {readonly Pair[]} pairs */
function accuracyLoss(pairs) {
  const right = pairs.reduce(
    (n, { dense: { label, top: own }, top }) => n + (own === label ? 1 : 0) - (top === label ? 1 : 0),
    0,
  );
  return right / pairs.length;
}

/** The largest β at which the objective is met, wherever it is not met before. @type {(points: readonly Point[], key: Objective) => Point | null} */
function chosenBy(points, key) {
  return furthest(points, ({ losses }) => losses[key] <= ALLOWED + 1e-9);
}

/** @type {(points: readonly Point[], isMet: (point: Point) => boolean) => Point | null} */
function furthest(points, isMet) {
  return points.findLast(isMet) ?? null;
}

/** Predicted minus true loss of accuracy, where a threshold is worth a thought. @type {(points: readonly Point[], key: Objective) => { bias: number, rms: number }} */
function errorsOf(points, key) {
  const errors = points
    .filter(({ losses }) => losses.top1 <= COMPARED_DISAGREEMENT)
    .map(({ losses, accuracyLoss: truth }) => losses[key] - truth);
  const n = Math.max(1, errors.length);
  return {
    bias: errors.reduce((a, b) => a + b, 0) / n,
    rms: Math.sqrt(errors.reduce((a, b) => a + b * b, 0) / n),
  };
}

/** @type {(answers: readonly Answer[], key: 'p' | 'calibrated') => number} */
function errorOf(answers, key) {
  return calibrationError(
    answers.map((a) => ({ confidence: present(a[key][a.top]), isRight: a.top === a.label })),
  );
}
