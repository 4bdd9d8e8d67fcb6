/** How answers are judged. Plain data, kept over restarts. */

/**
 * What an output looks like, by its dense answers.
 *
 * `class probabilities`: a Softmax at the end of the graph, or rows that are non-negative and sum to 1. `class scores`: rows of
 * numbers of either sign, which may be logits or not: only what they lose tells. `unit vectors`: rows of norm 1. `labels of
 * their own`: numbers in 0–1, as of several sigmoids. `values`: regressions, boxes, images. `integers`. `constant`: the same
 * for every request.
 */
export type OutputKind =
  | 'class probabilities'
  | 'class scores'
  | 'unit vectors'
  | 'labels of their own'
  | 'values'
  | 'integers'
  | 'constant';

/**
 * What one row of an answer loses against the dense one.
 *
 * `margin`: p(dense class) − p(other class) by the dense probabilities; 0–1. The others are 0 or 1. `top1`: the class changes.
 * `relative`: ‖y − x‖ > tolerance · ‖x‖. `spread`: ‖y − x‖ > tolerance · spread, the spread being how far dense answers are from
 * their mean. `cosine`: 1 − cos(x, y) > cosineTolerance. `exact`: x ≠ y.
 */
export type RowMeasure = 'top1' | 'margin' | 'relative' | 'spread' | 'cosine' | 'exact';

/** How one output is judged, and what nonsense would lose there. */
export interface JudgedOutput {
  readonly name: string;
  readonly kind: OutputKind;
  readonly measure: RowMeasure;
  /** Each position of a sequence is a row of its own. */
  readonly isPerPosition: boolean;
  /** Median distance of dense answers from their mean, in units of the output; for the measure `spread` alone. */
  readonly spread: number | null;
  /** Mean loss when each answer is replaced by another request's; null: not known. */
  readonly replaced: number | null;
  /** Mean loss of the best constant answer; null: not known. */
  readonly constant: number | null;
}

/** How answers are judged, and whether that can tell good answers from bad ones. */
export interface Objective {
  /** The one that loses most counts. */
  readonly outputs: readonly JudgedOutput[];
  /** Nonsense would keep the objective too, so that nothing is proven by keeping it. */
  readonly vacuous: boolean;
  /** Why it is vacuous; null where it is not. */
  readonly reason: string | null;
}
