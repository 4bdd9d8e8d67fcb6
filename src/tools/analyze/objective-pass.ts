import { ConfigSchema } from '../../config/schema.ts';
import { type Candidate, fineCandidates, ladderOf } from '../../control/search/ladder.ts';
import { criticality } from '../../criticality/critical-point.ts';
import { mergeAll, nonzeroCount, tails } from '../../estimator/histogram.ts';
import { compareJudged } from '../../loop/comparison/agreement.ts';
import { thresholdsOf } from '../../loop/site-thresholds.ts';
import type { Tensor } from '../../protocol/types.ts';
import type { AnswerMeasure } from './answer-measure.ts';
import { type DensePass, mergedSlices } from './dense-pass.ts';
import { type Passes, pass } from './passes.ts';

/** What is lost at a threshold, by the measure that a server would judge answers by. */
export interface ThresholdLoss {
  readonly threshold: number;
  /** β of the unpruned activations there. */
  readonly sparsity: number;
  /** Mean loss of the pruned answers against the dense ones, 0–1. */
  readonly loss: number;
}

/** What the default objective says of a model's thresholds, on recorded inputs. */
export interface ObjectiveLosses {
  /** Mean loss that is allowed, 0–1. */
  readonly allowed: number;
  /** Rows that answers were compared on. */
  readonly rows: number;
  /** At τ*; null without one. */
  readonly critical: ThresholdLoss | null;
  /** The largest threshold of the ladder within the objective; null: none is, or the measure cannot tell. */
  readonly within: ThresholdLoss | null;
}

export interface ObjectiveOptions {
  /** Sites that are pruned, shape [sites]; absent: all. */
  readonly gated?: readonly boolean[] | undefined;
  /** Told of the rows that were run, and of how many that will be at most. */
  readonly onRows?: (done: number, total: number) => void;
}

/** Rows whose answers are compared: these are kept in memory. */
const MOST_ROWS = 1000;

/**
 * Runs the pruned model at τ* and, by bisection, on a ladder of thresholds. Loss is taken to grow with τ.
 *
 * @param passes - its outputs are all of the model's.
 */
export async function objectiveLosses(
  passes: Passes,
  dense: DensePass,
  objective: AnswerMeasure,
  critical: Candidate | null,
  { gated, onRows }: ObjectiveOptions = {},
): Promise<ObjectiveLosses> {
  const { agreement, control } = ConfigSchema.parse({});
  const allowed = 1 - agreement.floor;
  const few = { ...passes, batches: passes.batches.filter(({ from }) => from < MOST_ROWS) };
  const rows = few.batches.at(-1)?.to ?? 0;
  const all = mergeAll(mergedSlices(dense));
  const isJudged = !objective.vacuous && nonzeroCount(all) > 0 && few.outputs.length > 0;
  if (!isJudged) return { allowed, rows, critical: null, within: null };
  const found = criticality(dense.slices, undefined, dense);
  const rungs = found === null ? [] : ladderOf(found, control.policy, fineCandidates(tails(all))).rungs;
  const runs = Math.ceil(Math.log2(rungs.length + 1)) + (critical === null ? 0 : 1);
  const total = runs * rows;
  let done = 0;
  const answers = new Map<number, readonly Tensor[]>();
  await pass(few, 0, 'nothing', ({ outputs }, { from }) => answers.set(from, outputs));

  async function lossAt({ threshold, sparsity }: Candidate): Promise<ThresholdLoss> {
    const sum = { rows: 0, loss: 0 };
    const thresholds = thresholdsOf(threshold, passes.sites, gated);
    await pass(few, thresholds, 'nothing', ({ outputs }, { from, to }) => {
      const inputs = few.rows.batch(from, to);
      const compared = compareJudged(answers.get(from)!, outputs, objective.outputs, agreement, inputs);
      done += to - from;
      onRows?.(done, total);
      sum.rows += compared?.rows ?? 0;
      sum.loss += (compared?.loss ?? 0) * (compared?.rows ?? 0);
    });
    return { threshold, sparsity, loss: sum.rows === 0 ? 0 : sum.loss / sum.rows };
  }

  return {
    allowed,
    rows,
    critical: critical === null ? null : await lossAt(critical),
    within: await lastWithin(rungs, lossAt, allowed),
  };
}

/** The last rung whose loss is allowed, by bisection; null: none. */
async function lastWithin(
  rungs: readonly Candidate[],
  lossAt: (rung: Candidate) => Promise<ThresholdLoss>,
  allowed: number,
): Promise<ThresholdLoss | null> {
  let best: ThresholdLoss | null = null;
  for (let [low, high] = [0, rungs.length]; low < high; ) {
    const middle = (low + high) >> 1;
    const here = await lossAt(rungs[middle]!);
    if (here.loss <= allowed) {
      best = here;
      low = middle + 1;
    } else high = middle;
  }
  return best;
}
