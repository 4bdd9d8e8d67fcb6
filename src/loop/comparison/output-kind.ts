import type { OutputKind, RowMeasure } from '../../control/guard/objective.ts';
import type { PilotOutput } from './pilot.ts';
import { isDistribution, norm, type Row } from './row-loss.ts';

const UNIT_TOLERANCE = 1e-2;

/**
 * The kind of an output. Pure; O(elements).
 *
 * @param hasSoftmax - the graph ends in Softmax or LogSoftmax there.
 */
export function kindOf({ rows, rank, isFloat }: PilotOutput, hasSoftmax: boolean): OutputKind {
  if (rows.length > 1 && rows.every((row) => isSame(row, rows[0]!))) return 'constant';
  if (!isFloat) return 'integers';
  const isVector = (rank === 2 || rank === 3) && rows.every(({ length }) => length >= 2);
  if (!isVector) return 'values';
  if (hasSoftmax || rows.every(isDistribution)) return 'class probabilities';
  if (rows.every((row) => Math.abs(norm(row) - 1) < UNIT_TOLERANCE)) return 'unit vectors';
  if (rows.every((row) => row.every((x) => x >= 0)))
    return rows.every((row) => row.every((x) => x <= 1)) ? 'labels of their own' : 'values';
  return 'class scores';
}

function isSame(a: Row, b: Row): boolean {
  return a.length === b.length && a.every((x, i) => x === b[i]);
}

/** Measures that fit a kind, the best first. */
export const MEASURES_OF: Readonly<Record<OutputKind, readonly RowMeasure[]>> = {
  'class probabilities': ['margin', 'spread', 'relative'],
  'class scores': ['margin', 'spread', 'relative'],
  'unit vectors': ['cosine', 'spread'],
  'labels of their own': ['spread', 'relative'],
  values: ['spread', 'relative'],
  integers: ['exact'],
  constant: ['exact'],
};
