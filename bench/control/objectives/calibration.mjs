// Confidence that means what it says: one temperature for the dense model's class scores, fitted to labels.
// Source: Guo et al. 2017, "On calibration of modern neural networks".

import { present } from '../../present.mjs';

/** Log-probabilities of one row of class scores divided by a temperature. @type {(scores: Float32Array, temperature: number) => Float64Array} */
export function logSoftmax(scores, temperature) {
  const scaled = Float64Array.from(scores, (x) => x / temperature);
  const max = scaled.reduce((a, b) => Math.max(a, b));
  const log = max + Math.log(scaled.reduce((sum, x) => sum + Math.exp(x - max), 0));
  return scaled.map((x) => x - log);
}

/**
 * The temperature with the least negative log-likelihood, by golden-section search over ln T.
 *
 * @param {readonly Float32Array[]} rows - class scores.
 * @param {readonly number[]} labels
 */
export function fittedTemperature(rows, labels) {
  const loss = (/** @type {number} */ logT) =>
    -rows.reduce(
      (sum, scores, i) => sum + present(logSoftmax(scores, Math.exp(logT))[present(labels[i])]),
      0,
    );
  const ratio = (Math.sqrt(5) - 1) / 2;
  let [a, b] = [Math.log(0.1), Math.log(10)];
  while (b - a > 1e-3) {
    const c = b - ratio * (b - a);
    const d = a + ratio * (b - a);
    if (loss(c) < loss(d)) b = d;
    else a = c;
  }
  return Math.exp((a + b) / 2);
}

/**
 * Expected calibration error: the mean distance between confidence and accuracy over ten bins of confidence.
 *
 * @param {readonly { confidence: number, isRight: boolean }[]} answers
 */
export function calibrationError(answers) {
  const gaps = new Float64Array(10);
  for (const { confidence, isRight } of answers) {
    const bin = Math.min(9, Math.floor(confidence * 10));
    gaps[bin] = present(gaps[bin]) + ((isRight ? 1 : 0) - confidence);
  }
  return gaps.reduce((sum, gap) => sum + Math.abs(gap), 0) / answers.length;
}
