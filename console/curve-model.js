// @ts-check

/** @import { Report } from './api.js' */

/**
 * One threshold of the grid.
 *
 * @typedef {object} CurvePoint
 * @property {number} threshold - τ > 0
 * @property {number} sparsity - β, 0–1
 * @property {number | null} freeEnergy - F of everything
 * @property {number | null} continuous - F of the continuous part, which the features are read from
 */

/**
 * The points of the reported curve, in increasing τ and β.
 *
 * @param {Report['curve']} curve
 * @returns {CurvePoint[]}
 */
export function curvePoints(curve) {
  if (curve === null) return [];
  return curve.thresholds.map((threshold, i) => ({
    threshold,
    sparsity: curve.sparsity[i] ?? 0,
    freeEnergy: curve.freeEnergy[i] ?? null,
    continuous: curve.continuous[i] ?? null,
  }));
}

/**
 * A quantity of the curve at any τ, linear in ln τ between the points; null outside of them or where one is not known.
 *
 * @param {readonly CurvePoint[]} points
 * @param {number} threshold
 * @param {'sparsity' | 'freeEnergy' | 'continuous'} quantity
 * @returns {number | null}
 */
export function valueAt(points, threshold, quantity) {
  const i = points.findIndex((point) => point.threshold >= threshold);
  const above = points[i];
  if (above === undefined) return null;
  if (above.threshold === threshold) return above[quantity];
  const below = points[i - 1];
  const y0 = below?.[quantity] ?? null;
  const y1 = above[quantity];
  if (below === undefined || y0 === null || y1 === null) return null;
  const share = Math.log(threshold / below.threshold) / Math.log(above.threshold / below.threshold);
  return y0 + share * (y1 - y0);
}

/**
 * The τ at which the curve has a sparsity, the inverse of valueAt; null outside of the curve.
 *
 * @param {readonly CurvePoint[]} points
 * @param {number} sparsity
 * @returns {number | null}
 */
export function thresholdAt(points, sparsity) {
  const i = points.findIndex((point) => point.sparsity >= sparsity);
  const above = points[i];
  if (above === undefined) return null;
  if (above.sparsity === sparsity) return above.threshold;
  const below = points[i - 1];
  if (below === undefined) return null;
  const share = (sparsity - below.sparsity) / (above.sparsity - below.sparsity);
  return below.threshold * (above.threshold / below.threshold) ** share;
}

/**
 * Lowest and highest F of the curve with a margin; [0, 1] without one.
 *
 * @param {readonly CurvePoint[]} points
 * @returns {readonly [number, number]}
 */
export function freeEnergyDomain(points) {
  const values = points.flatMap(({ freeEnergy, continuous }) =>
    [freeEnergy, continuous].filter((value) => value !== null),
  );
  if (values.length === 0) return [0, 1];
  const low = Math.min(...values);
  const high = Math.max(...values);
  const margin = (high - low || 1) * 0.08;
  return [low - margin, high + margin];
}
