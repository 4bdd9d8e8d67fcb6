// @ts-check
// How much each objective harvests, and what it costs in true accuracy: nothing but recordings and labels.
import { binOf } from '../../../dist/estimator/bins.js';
import { mergeAll, retainedFrom, tails } from '../../../dist/estimator/histogram.js';
import { unpacked } from '../recording/histograms.mjs';
import { calibrationError } from './calibration.mjs';
import { argmax, denseAnswers, LOSSES, weightOf } from './losses.mjs';

/** The loss that every objective allows. */
export const ALLOWED = 0.01;
/** Points of the curves up to here are compared with the truth. */
const COMPARED_DISAGREEMENT = 0.1;

/**
 * @param {{ about: any, columns: any }} recording
 */
export function objectivesOf(recording) {
  const { rows, classes, sites, name } = recording.about;
  const { pruned, thresholds } = recording.columns;
  const { answers, temperature } = denseAnswers(recording);
  const sparsities = sparsitiesAt(recording.columns, rows * sites);
  const points = Array.from(thresholds, (/** @type {number} */ threshold, k) => {
    const scores = answers.map((_, i) =>
      pruned.subarray((k * rows + i) * classes, (k * rows + i + 1) * classes),
    );
    return {
      threshold,
      sparsity: sparsities[k],
      accuracyLoss: accuracyLoss(answers, scores),
      losses: lossesOf(answers, scores),
    };
  });
  return {
    name,
    denseAccuracy: answers.filter(({ top, label }) => top === label).length / rows,
    temperature,
    calibrationError: errorOf(answers, 'p'),
    calibratedError: errorOf(answers, 'calibrated'),
    chosen: Object.fromEntries(Object.keys(LOSSES).map((key) => [key, chosenBy(points, key)])),
    errors: Object.fromEntries(Object.keys(LOSSES).map((key) => [key, errorsOf(points, key)])),
    accuracyOracle: furthest(points, ({ accuracyLoss: loss }) => loss <= ALLOWED + 1e-9),
  };
}

/** @typedef {{ threshold: number, sparsity: number, accuracyLoss: number, losses: Record<string, number> }} Point */

/** β at every threshold, over all inputs and sites. @type {(columns: any, histograms: number) => number[]} */
function sparsitiesAt(columns, histograms) {
  const t = tails(mergeAll(Array.from({ length: histograms }, (_, i) => unpacked(columns, i))));
  return Array.from(columns.thresholds, (/** @type {number} */ threshold) => {
    const { count } = retainedFrom(t, binOf(threshold));
    return 1 - count / t.count[0];
  });
}

/** @type {(answers: readonly import('./losses.mjs').Answer[], scores: readonly Float32Array[]) => Record<string, number>} */
function lossesOf(answers, scores) {
  return Object.fromEntries(
    Object.entries(LOSSES).map(([key, loss]) => {
      let sum = 0;
      let weights = 0;
      for (const [i, answer] of answers.entries()) {
        const weight = weightOf(key, answer);
        sum += weight * loss(answer, scores[i], argmax(scores[i]));
        weights += weight;
      }
      return [key, sum / weights];
    }),
  );
}

/** @type {(answers: readonly import('./losses.mjs').Answer[], scores: readonly Float32Array[]) => number} */
function accuracyLoss(answers, scores) {
  const right = answers.reduce((n, { label, top }, i) => {
    const now = argmax(scores[i]);
    return n + (top === label ? 1 : 0) - (now === label ? 1 : 0);
  }, 0);
  return right / answers.length;
}

/** The largest β at which the objective is met, wherever it is not met before. @type {(points: readonly Point[], key: string) => Point | null} */
function chosenBy(points, key) {
  return furthest(points, ({ losses }) => losses[key] <= ALLOWED + 1e-9);
}

/** @type {(points: readonly Point[], isMet: (point: Point) => boolean) => Point | null} */
function furthest(points, isMet) {
  return points.findLast(isMet) ?? null;
}

/** Predicted minus true loss of accuracy, where a threshold is worth a thought. @type {(points: readonly Point[], key: string) => { bias: number, rms: number }} */
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

/** @type {(answers: readonly import('./losses.mjs').Answer[], key: 'p' | 'calibrated') => number} */
function errorOf(answers, key) {
  return calibrationError(answers.map((a) => ({ confidence: a[key][a.top], isRight: a.top === a.label })));
}
