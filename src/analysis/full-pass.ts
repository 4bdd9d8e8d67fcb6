import type { RetainedTotal } from '../criticality/full-evaluation.ts';
import { shareAlike, topClasses } from './class-scores.ts';
import type { DensePass } from './dense-pass.ts';
import { type Passes, pass } from './passes.ts';

/** The pruned network at one threshold, over all rows and sites. */
export interface PrunedPass {
  readonly retained: RetainedTotal;
  readonly accuracy?: number;
  /** Top-1 agreement with the dense network. */
  readonly agreement?: number;
}

/** Runs the network pruned at one threshold. */
export async function prunedPass(
  passes: Passes,
  threshold: number,
  dense: DensePass,
  labels: Int32Array | undefined,
  onRows: (rows: number) => void,
): Promise<PrunedPass> {
  const total = { count: 0, sum: 0 };
  const classes = new Int32Array(dense.classes.length);
  await pass(passes, threshold, 'retained', ({ retained, outputs: [scores] }, { from, to }) => {
    for (const { count, sum } of retained) {
      total.count += count;
      total.sum += sum;
    }
    if (scores !== undefined) topClasses(scores, classes, from);
    onRows(to - from);
  });
  if (classes.length === 0) return { retained: total };
  const agreement = shareAlike(classes, dense.classes);
  return labels === undefined
    ? { retained: total, agreement }
    : { retained: total, agreement, accuracy: shareAlike(classes, labels) };
}
