// @ts-check
// What each objective says about one row of traffic: a loss in [0, 1], 0 when the pruned answer is as good as the dense one.
import { fittedTemperature, logSoftmax } from './calibration.mjs';

/**
 * @typedef {{ dense: Float32Array, label: number, top: number, p: Float64Array, calibrated: Float64Array }} Answer
 * @typedef {(dense: Answer, pruned: Float32Array, top: number) => number} Loss
 */

/** Losses by name; `weighted` is a mean with weights, see `weightOf`. @type {Record<string, Loss>} */
export const LOSSES = {
  top1: (dense, _, top) => (top === dense.top ? 0 : 1),
  weighted: (dense, _, top) => (top === dense.top ? 0 : 1),
  margin: ({ p, top: own }, _, top) => p[own] - p[top],
  calibrated: ({ calibrated: p, top: own }, _, top) => p[own] - p[top],
  kl: ({ p }, pruned) => {
    const q = logSoftmax(pruned, 1);
    return Math.max(
      0,
      p.reduce((sum, x, i) => sum + (x === 0 ? 0 : x * (Math.log(x) - q[i])), 0),
    );
  },
  cosine: ({ dense }, pruned) => (1 - cosine(dense, pruned) <= 0.01 ? 0 : 1),
};

/** Weight of a row in the mean loss: the dense model's own lead over its second class, for `weighted`. @type {(name: string, dense: Answer) => number} */
export function weightOf(name, { p }) {
  if (name !== 'weighted') return 1;
  const [first, second] = Array.from(p).sort((a, b) => b - a);
  return first - second;
}

/**
 * The dense answers of a recording. Calibrated confidence comes from the labels of the other half of the rows.
 *
 * @param {{ about: any, columns: any }} recording
 * @returns {{ answers: Answer[], temperature: number }}
 */
export function denseAnswers({ about: { rows, classes }, columns: { dense, labels } }) {
  const scores = Array.from({ length: rows }, (_, i) => dense.subarray(i * classes, (i + 1) * classes));
  const temperatures = [0, 1].map((half) => {
    const others = scores.map((_, i) => i).filter((i) => i % 2 !== half);
    return fittedTemperature(
      others.map((i) => scores[i]),
      others.map((i) => labels[i]),
    );
  });
  const answers = scores.map((row, i) => ({
    dense: row,
    label: labels[i],
    top: argmax(row),
    p: logSoftmax(row, 1).map(Math.exp),
    calibrated: logSoftmax(row, temperatures[i % 2]).map(Math.exp),
  }));
  return { answers, temperature: Math.sqrt(temperatures[0] * temperatures[1]) };
}

/** @param {ArrayLike<number>} v */
export function argmax(v) {
  let best = 0;
  for (let i = 1; i < v.length; i++) if (v[i] > v[best]) best = i;
  return best;
}

/** @type {(a: Float32Array, b: Float32Array) => number} */
function cosine(a, b) {
  let [dot, aa, bb] = [0, 0, 0];
  for (let i = 0; i < a.length; i++) {
    dot += a[i] * b[i];
    aa += a[i] * a[i];
    bb += b[i] * b[i];
  }
  return dot / Math.sqrt(aa * bb);
}
