// Full evaluation of an entry on the thresholds that the rule looks at, and what accuracy says: oracle and collapse.
import { prunedPass, prunedPassWithPoint } from '../../../dist/tools/analyze/full-pass.js';
import { present } from '../../present.mjs';

/**
 * @typedef {import('../../../dist/tools/analyze/passes.js').Passes} Passes
 * @typedef {import('../../../dist/tools/analyze/dense-pass.js').DensePass} DensePass
 * @typedef {import('./row.ts').Point} Point
 * @typedef {import('./row.ts').Pruned} Pruned
 */

/** Points of accuracy that the oracle may lose, and that a collapse has lost. */
const ORACLE_LOSS = 0.01;
const COLLAPSE_LOSS = 0.05;
const REFINEMENTS = 3;

const nothing = () => undefined;

/** The network pruned at a threshold of all sites, or of each. @type {(passes: Passes, threshold: number | Float32Array, dense: DensePass, labels: Int32Array) => Promise<Pruned>} */
export async function prunedAt(passes, threshold, dense, labels) {
  return scored(await prunedPass(passes, threshold, dense, labels, nothing));
}

/** The pruned network at every threshold. @type {(passes: Passes, thresholds: readonly number[], dense: DensePass, labels: Int32Array) => Promise<Point[]>} */
export async function evaluate(passes, thresholds, dense, labels) {
  const points = [];
  for (const threshold of thresholds) {
    const found = await prunedPassWithPoint(passes, threshold, dense, labels, nothing);
    points.push({ threshold, ...scored(found), point: present(found.point) });
  }
  return points;
}

/** Every model of the zoo has class scores, and labels. @param {import('../../../dist/tools/analyze/full-pass.js').PrunedPass} found */
function scored({ retained, accuracy, agreement }) {
  return { retained, accuracy: present(accuracy), agreement: present(agreement) };
}

/**
 * The oracle: the largest β that the pruned network reaches within 1 point of the dense accuracy, between grid points by
 * bisection. The collapse: the first τ of the grid with 5 points lost.
 *
 * @type {(passes: Passes, points: readonly Point[], dense: DensePass, labels: Int32Array, denseAccuracy: number, total: number) => Promise<import('./row.ts').Limits>}
 */
export async function limits(passes, points, dense, labels, denseAccuracy, total) {
  const isSafe = (/** @type {Pruned} */ { accuracy }) => accuracy >= denseAccuracy - ORACLE_LOSS - 1e-9;
  const sparsityOf = (/** @type {Pruned} */ { retained }) => 1 - retained.count / total;
  const last = points.findLastIndex(isSafe);
  const collapsed = points.find(({ accuracy }) => accuracy <= denseAccuracy - COLLAPSE_LOSS + 1e-9);
  const collapse =
    collapsed === undefined ? null : { threshold: collapsed.threshold, sparsity: sparsityOf(collapsed) };
  const safe = points[last];
  if (safe === undefined) return { oracle: { threshold: 0, sparsity: 0, accuracy: denseAccuracy }, collapse };
  /** @type {Pruned} */
  let best = safe;
  let low = safe.threshold;
  let high = points[last + 1]?.threshold;
  for (let i = 0; i < REFINEMENTS && high !== undefined; i++) {
    const threshold = Math.sqrt(low * high);
    const result = await prunedAt(passes, threshold, dense, labels);
    if (isSafe(result)) {
      low = threshold;
      best = result;
    } else high = threshold;
  }
  return { oracle: { threshold: low, sparsity: sparsityOf(best), accuracy: best.accuracy }, collapse };
}
