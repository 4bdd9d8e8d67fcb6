/** What one row of an answer loses against the dense one. Pure functions over two rows of the same length. */
import type { RowMeasure } from '../../control/guard/objective.ts';

export type Row = Float32Array | Float64Array;

export interface RowLossOptions {
  readonly measure: RowMeasure;
  readonly tolerance: number;
  readonly cosineTolerance: number;
  /** In units of the output; for `spread` alone. */
  readonly spread: number | null;
}

/** Loss of the row `y` against the dense row `x`, 0–1. A `y` that is not finite loses everything. */
export function rowLoss(x: Row, y: Row, options: RowLossOptions): number {
  if (isAgreed(x, y, options)) return 0;
  return options.measure === 'margin' ? marginLoss(x, y) : 1;
}

export function isAgreed(x: Row, y: Row, options: RowLossOptions): boolean {
  if (!y.every(Number.isFinite)) return false;
  const { measure, tolerance, cosineTolerance, spread } = options;
  switch (measure) {
    case 'top1':
    case 'margin':
      return argmax(x) === argmax(y);
    case 'relative':
      return isWithin(x, y, tolerance * norm(x));
    case 'spread':
      return isWithin(x, y, tolerance * (spread ?? 0));
    case 'cosine':
      return 1 - cosineOf(x, y) <= cosineTolerance;
    case 'exact':
      return x.every((value, i) => value === y[i]);
  }
}

/** p(x's class) − p(y's class) by the probabilities of x, 0–1. */
function marginLoss(x: Row, y: Row): number {
  if (!y.every(Number.isFinite)) return 1;
  const logP = logProbabilities(x);
  const other = logP[argmax(y)];
  return Math.exp(logP[argmax(x)]!) - (other === undefined ? 0 : Math.exp(other));
}

/** ln softmax of the scores; scores that are probabilities already are taken as such. */
export function logProbabilities(v: Row): Float64Array {
  if (isDistribution(v)) return Float64Array.from(v, (p) => Math.log(Math.max(p, LEAST_PROBABILITY)));
  const z = logSumExp(v);
  return Float64Array.from(v, (x) => x - z);
}

const LEAST_PROBABILITY = 1e-12;

/** Whether a row is non-negative and sums to 1. */
export function isDistribution(v: Row): boolean {
  let sum = 0;
  for (const p of v) {
    if (p < 0) return false;
    sum += p;
  }
  return Math.abs(sum - 1) < 1e-3;
}

/** Whether ‖y − x‖ is at most `limit`; equal rows always are. */
function isWithin(x: Row, y: Row, limit: number): boolean {
  const error = distance(x, y);
  return error === 0 || error <= limit;
}

/** ‖y − x‖ */
export function distance(x: Row, y: Row): number {
  let error = 0;
  for (let i = 0; i < x.length; i++) error += (y[i]! - x[i]!) ** 2;
  return Math.sqrt(error);
}

/** ‖x‖ */
export function norm(x: Row): number {
  let square = 0;
  for (const value of x) square += value * value;
  return Math.sqrt(square);
}

/** Index of the largest element, the first of equals. */
export function argmax(v: Row): number {
  let best = 0;
  for (let i = 1; i < v.length; i++) if (v[i]! > v[best]!) best = i;
  return best;
}

/** Cosine similarity; 1 when both are zero, 0 when one is, or when the answer is not finite. */
export function cosineOf(a: Row, b: Row): number {
  let dot = 0;
  let aa = 0;
  let bb = 0;
  for (let i = 0; i < a.length; i++) {
    dot += a[i]! * b[i]!;
    aa += a[i]! * a[i]!;
    bb += b[i]! * b[i]!;
  }
  if (aa === 0 && bb === 0) return 1;
  const cosine = dot / Math.sqrt(aa * bb);
  return Number.isFinite(cosine) ? cosine : 0;
}

/** Where a divergence stops telling more; keeps means finite. */
const MAX_KL = 50;

/** KL(softmax a ‖ softmax b) in nats. */
export function klOfSoftmax(a: Row, b: Row): number {
  const p = logProbabilities(a);
  const q = logProbabilities(b);
  let kl = 0;
  for (let i = 0; i < p.length; i++) kl += Math.exp(p[i]!) * (p[i]! - q[i]!);
  return Number.isNaN(kl) ? MAX_KL : Math.min(Math.max(0, kl), MAX_KL);
}

function logSumExp(v: Row): number {
  let max = Number.NEGATIVE_INFINITY;
  for (const x of v) max = Math.max(max, x);
  let sum = 0;
  for (const x of v) sum += Math.exp(x - max);
  return max + Math.log(sum);
}
