// Full evaluation of an entry on the thresholds that the rule looks at, and what accuracy says: oracle and collapse.
import { prunedPass, prunedPassWithPoint } from '../../../dist/tools/analyze/full-pass.js';

/** Points of accuracy that the oracle may lose, and that a collapse has lost. */
const ORACLE_LOSS = 0.01;
const COLLAPSE_LOSS = 0.05;
const REFINEMENTS = 3;

const nothing = () => undefined;

/** The pruned network at every threshold. */
export async function evaluate(passes, thresholds, dense, labels) {
  const points = [];
  for (const threshold of thresholds) {
    points.push({ threshold, ...(await prunedPassWithPoint(passes, threshold, dense, labels, nothing)) });
  }
  return points;
}

/**
 * The oracle: the largest β that the pruned network reaches within 1 point of the dense accuracy, between grid points by
 * bisection. The collapse: the first τ of the grid with 5 points lost.
 */
export async function limits(passes, points, dense, labels, denseAccuracy, total) {
  const isSafe = (accuracy) => accuracy >= denseAccuracy - ORACLE_LOSS - 1e-9;
  const sparsityOf = ({ retained }) => 1 - retained.count / total;
  const last = points.findLastIndex(({ accuracy }) => isSafe(accuracy));
  const collapsed = points.find(({ accuracy }) => accuracy <= denseAccuracy - COLLAPSE_LOSS + 1e-9);
  const collapse =
    collapsed === undefined ? null : { threshold: collapsed.threshold, sparsity: sparsityOf(collapsed) };
  if (last < 0) return { oracle: { threshold: 0, sparsity: 0, accuracy: denseAccuracy }, collapse };
  let best = points[last];
  let low = best.threshold;
  let high = points[last + 1]?.threshold;
  for (let i = 0; i < REFINEMENTS && high !== undefined; i++) {
    const threshold = Math.sqrt(low * high);
    const result = await prunedPass(passes, threshold, dense, labels, nothing);
    if (isSafe(result.accuracy)) {
      low = threshold;
      best = { threshold, ...result };
    } else high = threshold;
  }
  return { oracle: { threshold: low, sparsity: sparsityOf(best), accuracy: best.accuracy }, collapse };
}
