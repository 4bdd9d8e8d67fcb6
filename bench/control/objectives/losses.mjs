// What each objective says about one row of traffic: a loss in [0, 1], 0 when the pruned answer is as good as the dense one.
import { present } from '../../present.mjs';
import { fittedTemperature, logSoftmax } from './calibration.mjs';

/**
 * @typedef {{ dense: Float32Array, label: number, top: number, p: Float64Array, calibrated: Float64Array }} Answer
 * @typedef {(dense: Answer, pruned: Float32Array, top: number) => number} Loss
 * @typedef {keyof typeof LOSSES} Objective
 */

/** Losses by name; `weighted` is a mean with weights, see `weightOf`. @satisfies {Record<string, Loss>} */
export const LOSSES = {
  top1: (dense, _, top) => (top === dense.top ? 0 : 1),
  weighted: (dense, _, top) => (top === dense.top ? 0 : 1),
  margin: ({ p, top: own }, _, top) => present(p[own]) - present(p[top]),
  calibrated: ({ calibrated: p, top: own }, _, top) => present(p[own]) - present(p[top]),
  kl: ({ p }, pruned) => {
    const q = logSoftmax(pruned, 1);
    return Math.max(
      0,
      p.reduce((sum, x, i) => sum + (x === 0 ? 0 : x * (Math.log(x) - present(q[i]))), 0),
    );
  },
  cosine: ({ dense }, pruned) => (1 - cosine(dense, pruned) <= 0.01 ? 0 : 1),
};

/** Weight of a row in the mean loss: the dense model's own lead over its second class, for `weighted`. @type {(name: Objective, dense: Answer) => number} */
export function weightOf(name, { p }) {
  if (name !== 'weighted') return 1;
  const [first, second] = Array.from(p).sort((a, b) => b - a);
  return present(first) - present(second);
}

/**
 * The dense answers of all rows. Calibrated confidence comes from the labels of the other half of the rows.
 *
 * @param {{ rows: number, classes: number, dense: Float32Array, labels: Int32Array }} recorded - `dense`: shape [rows, classes].
 * @returns {{ answers: Answer[], temperature: number }}
 */
export function denseAnswers({ rows, classes, dense, labels }) {
  const scores = Array.from({ length: rows }, (_, i) => dense.subarray(i * classes, (i + 1) * classes));
  const isOfHalf = (/** @type {number} */ half) => (/** @type {unknown} */ _, /** @type {number} */ i) =>
    i % 2 === half;
  const fittedOn = (/** @type {number} */ half) =>
    fittedTemperature(scores.filter(isOfHalf(half)), Array.from(labels).filter(isOfHalf(half)));
  const [even, odd] = [fittedOn(1), fittedOn(0)];
  const answers = scores.map((row, i) => ({
    dense: row,
    label: present(labels[i]),
    top: argmax(row),
    p: logSoftmax(row, 1).map(Math.exp),
    calibrated: logSoftmax(row, i % 2 === 0 ? even : odd).map(Math.exp),
  }));
  return { answers, temperature: Math.sqrt(even * odd) };
}

/** @param {ArrayLike<number>} v */
export function argmax(v) {
  let best = 0;
  for (let i = 1; i < v.length; i++) if (present(v[i]) > present(v[best])) best = i;
  return best;
}

/** @type {(a: Float32Array, b: Float32Array) => number} */
function cosine(a, b) {
  let [dot, aa, bb] = [0, 0, 0];
  for (let i = 0; i < a.length; i++) {
    const [x, y] = [present(a[i]), present(b[i])];
    dot += x * y;
    aa += x * x;
    bb += y * y;
  }
  return dot / Math.sqrt(aa * bb);
}

/** One value for each objective. @template T @param {(name: Objective) => T} of @returns {Record<Objective, T>} */
export function byObjective(of) {
  const names = /** @type {Objective[]} */ (Object.keys(LOSSES));
  return /** @type {Record<Objective, T>} */ (Object.fromEntries(names.map((name) => [name, of(name)])));
}
