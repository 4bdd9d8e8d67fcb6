/**
 * Whether a measure sees anything: what nonsense would lose by it. Pure functions over dense rows.
 */
import { xorshift } from '../../drift/xorshift.ts';
import { argmax, distance, logProbabilities, type Row, type RowLossOptions, rowLoss } from './row-loss.ts';

/** So many times the allowed loss must nonsense lose. */
const FACTOR = 10;
/** At most so far on the way from the allowed loss to 1: of two classes, a constant answer loses half at the most. */
const MOST_WAY = 0.25;
/** Other requests' answers that are tried in place of each. */
const PARTNERS = 3;
/** Answers that are tried as the constant one, beside the mean. */
const CONSTANTS = 8;

/**
 * The least that nonsense must lose for a measure to mean anything: ten times the allowed loss, or a quarter of the way from that
 * to 1 where this is less.
 */
export function leastTellingLoss(allowedLoss: number): number {
  return Math.min(FACTOR * allowedLoss, allowedLoss + MOST_WAY * (1 - allowedLoss));
}

/**
 * Mean loss when the answer to each request is replaced by that to another, drawn at random: traffic may have a period. 0 for
 * fewer than two rows. O(rows · width).
 */
export function replacedLoss(rows: readonly Row[], options: RowLossOptions): number {
  const n = rows.length;
  if (n < 2) return 0;
  const random = xorshift(n);
  let sum = 0;
  for (const [i, row] of rows.entries()) {
    for (let k = 0; k < PARTNERS; k++) {
      const partner = (i + 1 + Math.floor(random() * (n - 1))) % n;
      sum += lossBetween(row, rows[partner]!, options);
    }
  }
  return sum / (PARTNERS * n);
}

/** Mean loss of the best constant answer: a class, or the best of the mean answer and some others. O(rows · width). */
export function constantLoss(rows: readonly Row[], options: RowLossOptions): number {
  if (options.measure === 'margin' || options.measure === 'top1') return constantClassLoss(rows, options);
  const mean = meanOf(rows);
  const some = Array.from({ length: CONSTANTS }, (_, k) => rows[Math.floor((k * rows.length) / CONSTANTS)]!);
  const candidates = mean === null ? some : [mean, ...some];
  const losses = candidates.map(
    (answer) => rows.reduce((sum, row) => sum + lossBetween(row, answer, options), 0) / rows.length,
  );
  return Math.min(...losses);
}

function constantClassLoss(rows: readonly Row[], { measure }: RowLossOptions): number {
  const width = rows.reduce((most, { length }) => Math.max(most, length), 0);
  const gained = new Float64Array(width);
  let own = 0;
  for (const row of rows) {
    const p = logProbabilities(row);
    const best = argmax(row);
    own += measure === 'top1' ? 1 : Math.exp(p[best]!);
    if (measure === 'top1') gained[best]!++;
    else for (const [i, x] of p.entries()) gained[i]! += Math.exp(x);
  }
  return (own - gained.reduce((most, x) => Math.max(most, x), 0)) / rows.length;
}

/** Rows of another length are compared by class, or not at all. */
function lossBetween(dense: Row, other: Row, options: RowLossOptions): number {
  const isByClass = options.measure === 'margin' || options.measure === 'top1';
  return isByClass || dense.length === other.length ? rowLoss(dense, other, options) : 1;
}

/** Element by element; null where rows differ in length. */
function meanOf(rows: readonly Row[]): Float64Array | null {
  const width = rows[0]?.length ?? 0;
  if (rows.some(({ length }) => length !== width)) return null;
  const mean = new Float64Array(width);
  for (const row of rows) for (const [i, x] of row.entries()) mean[i]! += x / rows.length;
  return mean;
}

/** Median distance of the rows from their mean, or where that is 0 the mean distance; null where rows differ in length. */
export function spreadOf(rows: readonly Row[]): number | null {
  const mean = meanOf(rows);
  if (mean === null || rows.length === 0) return null;
  const distances = rows.map((row) => distance(mean, row)).sort((a, b) => a - b);
  const median = distances[distances.length >> 1]!;
  return median > 0 ? median : distances.reduce((sum, d) => sum + d, 0) / distances.length;
}
