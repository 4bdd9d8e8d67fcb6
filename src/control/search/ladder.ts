import type { Criticality } from '../../criticality/critical-point.ts';
import { logGrid } from '../../criticality/free-energy.ts';
import { BINS_PER_OCTAVE, edgeOf } from '../../estimator/bins.ts';
import { retainedFrom, type Tails } from '../../estimator/histogram.ts';

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

/** Least difference in sparsity between two rungs that are tried one after another: less is not worth a trial. */
const STEP = 0.015;
/** Where all rungs are judged at once, the difference is a share of the sparsity, within bounds. */
const FINE_STEP = { share: 0.04, least: 0.004, most: STEP } as const;
/** Sparsities of the lowest and the highest rung. */
const RANGE = [0.01, 0.98] as const;
/** What `earliest` may fall back to, as shares of the critical sparsity. */
const SHARES = [0.25, 0.5, 0.75] as const;

/**
 * The ladder of a window.
 *
 * `guarded`: the thresholds of the curve, thinned to steps of sparsity, and every significant feature, which stands in
 * for what lies within a step below it; it starts at the critical point, and at the bottom without one.
 * `earliest`: a few thresholds below the critical point, and that as the last; empty without a critical point.
 *
 * @param fine - thresholds in steps that are finer than the curve's, for a ladder whose rungs are judged all at once.
 */
export function ladderOf(
  { curve, features, critical }: Criticality,
  policy: Policy,
  fine?: readonly Candidate[],
): Ladder {
  const coarse = Array.from(curve.thresholds, (threshold, i) => ({
    threshold,
    sparsity: curve.sparsity[i]!,
  }));
  const points = (fine ?? coarse).filter(({ threshold, sparsity }) => threshold > 0 && sparsity > 0);
  if (policy === 'earliest') return critical === null ? EMPTY : below(critical, points);
  const marks = features.map(({ threshold, sparsity }) => ({ threshold, sparsity }));
  const rungs = thinned(points, marks, fine === undefined ? () => STEP : fineStep);
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

/** Every bin edge as a candidate, 64 to the octave. @param t - of the unpruned network, over all sites. */
export function fineCandidates(t: Tails): readonly Candidate[] {
  const bins = logGrid(t, { perOctave: BINS_PER_OCTAVE, sparsity: RANGE });
  return Array.from(bins, (bin) => ({
    threshold: edgeOf(bin),
    sparsity: 1 - retainedFrom(t, bin).count / t.count[0]!,
  }));
}

function fineStep(sparsity: number): number {
  return Math.min(Math.max(FINE_STEP.share * sparsity, FINE_STEP.least), FINE_STEP.most);
}

/** @param step - least difference to the next rung, by the sparsity. */
function thinned(
  points: readonly Candidate[],
  marks: readonly Candidate[],
  step: (sparsity: number) => number,
): Candidate[] {
  const isMark = (point: Candidate) => marks.some(({ threshold }) => threshold === point.threshold);
  const merged = [...points.filter((point) => !isMark(point)), ...marks].sort(
    (a, b) => a.threshold - b.threshold,
  );
  const rungs: Candidate[] = [];
  for (const point of merged) {
    const last = rungs.at(-1);
    const isFar = last === undefined || point.sparsity - last.sparsity >= step(last.sparsity);
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
