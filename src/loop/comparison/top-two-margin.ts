import type { Objective } from '../../control/guard/objective.ts';
import type { Tensor } from '../../protocol/types.ts';
import { floatsOf, isFloat } from './answer-rows.ts';

/** Scores that are looked at in one answer, whole rows of them: what a long answer costs is bounded. */
const MOST_SCORES = 65_536;

/**
 * How far ahead the best class of an answer is: its score less the second best's, on average over the rows; in the units of the
 * scores (of logits: ln of the odds between the two). NaN where an answer is not finite.
 *
 * @returns null where there are no classes to compare, or that is not the objective.
 */
export function topTwoMargin(
  outputs: readonly Tensor[],
  objective: Pick<Objective, 'outputs'> | null,
): number | null {
  const judged = objective?.outputs.find(({ measure }) => measure === 'margin' || measure === 'top1');
  const scores = judged && outputs.find(({ name }) => name === judged.name);
  if (scores === undefined || !isFloat(scores) || scores.shape.length !== 2) return null;
  const [rows, width] = scores.shape as [number, number];
  if (width < 2) return null;
  const n = Math.min(rows, Math.max(1, Math.floor(MOST_SCORES / width)));
  if (n === 0) return null;
  const elements = (scores.elements as Float32Array).subarray(0, n * width);
  const values = floatsOf({ ...scores, elements });
  let sum = 0;
  for (let row = 0; row < n; row++) sum += marginOfRow(values, row * width, (row + 1) * width);
  return sum / n;
}

function marginOfRow(scores: ArrayLike<number>, from: number, to: number): number {
  let best = Number.NEGATIVE_INFINITY;
  let second = Number.NEGATIVE_INFINITY;
  for (let i = from; i < to; i++) {
    const x = scores[i]!;
    if (!Number.isFinite(x)) return Number.NaN;
    if (x > best) {
      second = best;
      best = x;
    } else if (x > second) second = x;
  }
  return best - second;
}
