import type { Criticality } from '../../criticality/critical-point.ts';

/** How far a threshold may go. */
export type Policy =
  /** The critical point, or less. */
  | 'earliest'
  /** From the critical point up, as far as agreement with the dense model is proven. */
  | 'guarded';

/** A threshold that the free energy, or its curve, suggests. */
export interface Candidate {
  readonly threshold: number;
  /** β of the unpruned activations there. */
  readonly sparsity: number;
}

/** Candidates in increasing τ, and the one to begin with. */
export interface Ladder {
  readonly rungs: readonly Candidate[];
  readonly start: number;
}

/** Least difference in sparsity between two rungs: less is not worth a trial. */
const STEP = 0.015;
/** What `earliest` may fall back to, as shares of the critical sparsity. */
const SHARES = [0.25, 0.5, 0.75] as const;

/**
 * The ladder of a window.
 *
 * `guarded`: the thresholds of the curve, thinned to steps of sparsity, and every significant feature, which stands in
 * for what lies within a step below it; it starts at the earliest feature, and at the bottom without one.
 * `earliest`: a few thresholds below the critical point, and that as the last; empty without a critical point.
 */
export function ladderOf({ curve, features, critical }: Criticality, policy: Policy): Ladder {
  const points = Array.from(curve.thresholds, (threshold, i) => ({
    threshold,
    sparsity: curve.sparsity[i]!,
  })).filter(({ threshold, sparsity }) => threshold > 0 && sparsity > 0);
  if (policy === 'earliest') return critical === null ? EMPTY : below(critical, points);
  const marks = features.map(({ threshold, sparsity }) => ({ threshold, sparsity }));
  const rungs = thinned(points, marks);
  return { rungs, start: critical === null ? 0 : startAt(rungs, critical.threshold) };
}

const EMPTY: Ladder = { rungs: [], start: 0 };

function below(critical: Candidate, points: readonly Candidate[]): Ladder {
  const lower = SHARES.flatMap((share) => {
    const point = points.findLast(({ sparsity }) => sparsity <= share * critical.sparsity);
    return point === undefined ? [] : [point];
  });
  const distinct = lower.filter((point, i) => point.threshold !== lower[i + 1]?.threshold);
  const rungs = [...distinct, { threshold: critical.threshold, sparsity: critical.sparsity }];
  return { rungs, start: rungs.length - 1 };
}

function thinned(points: readonly Candidate[], marks: readonly Candidate[]): Candidate[] {
  const isMark = (point: Candidate) => marks.some(({ threshold }) => threshold === point.threshold);
  const merged = [...points.filter((point) => !isMark(point)), ...marks].sort(
    (a, b) => a.threshold - b.threshold,
  );
  const rungs: Candidate[] = [];
  for (const point of merged) {
    const last = rungs.at(-1);
    const isFar = last === undefined || point.sparsity - last.sparsity >= STEP;
    if (isFar) rungs.push(point);
    else if (isMark(point) && !isMark(last)) rungs[rungs.length - 1] = point;
    else if (isMark(point)) rungs.push(point);
  }
  return rungs;
}

function startAt(rungs: readonly Candidate[], threshold: number): number {
  return Math.max(
    0,
    rungs.findLastIndex((rung) => rung.threshold <= threshold),
  );
}
