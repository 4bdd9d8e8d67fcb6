import type { RetainedTotal } from '../../criticality/free-energy.ts';
import { type PrunedPoint, prunedPoint } from '../../criticality/full-evaluation.ts';
import { emptyHistogram, merge } from '../../estimator/histogram.ts';
import { shareAlike, topClasses } from './class-scores.ts';
import type { DensePass } from './dense-pass.ts';
import { type Passes, pass } from './passes.ts';

/** The pruned network at one threshold, over all rows and sites. */
export interface PrunedPass {
  readonly retained: RetainedTotal;
  readonly accuracy?: number;
  /** Top-1 agreement with the dense network. */
  readonly agreement?: number;
  /** What the features of the pruned network's F are read from; known at bin edges only. */
  readonly point?: PrunedPoint;
}

/** Runs the network pruned at any threshold, of all sites or of each, and counts what passes it. */
export async function prunedPass(
  passes: Passes,
  threshold: number | Float32Array,
  dense: DensePass,
  labels: Int32Array | undefined,
  onRows: (rows: number) => void,
): Promise<PrunedPass> {
  const retained = { count: 0, sum: 0 };
  const classes = new Int32Array(dense.classes.length);
  await pass(passes, threshold, 'retained', (result, { from, to }) => {
    for (const { count, sum } of result.retained) {
      retained.count += count;
      retained.sum += sum;
    }
    if (result.outputs[0] !== undefined) topClasses(result.outputs[0], classes, from);
    onRows(to - from);
  });
  return { retained, ...answered(classes, dense, labels) };
}

/** Runs the network pruned at a bin edge, and keeps what the features of its free energy are read from. */
export async function prunedPassWithPoint(
  passes: Passes,
  threshold: number,
  dense: DensePass,
  labels: Int32Array | undefined,
  onRows: (rows: number) => void,
): Promise<PrunedPass> {
  const slices = dense.slices.map((sites) => sites.map(emptyHistogram));
  const classes = new Int32Array(dense.classes.length);
  await pass(passes, threshold, 'histogram', ({ histograms, outputs: [scores] }, { from, to, slice }) => {
    for (const [site, h] of histograms.entries()) merge(slices[slice]![site]!, h);
    if (scores !== undefined) topClasses(scores, classes, from);
    onRows(to - from);
  });
  const point = prunedPoint(threshold, slices);
  return { retained: point.retained, point, ...answered(classes, dense, labels) };
}

function answered(
  classes: Int32Array,
  dense: DensePass,
  labels: Int32Array | undefined,
): Pick<PrunedPass, 'accuracy' | 'agreement'> {
  if (classes.length === 0) return {};
  const agreement = shareAlike(classes, dense.classes);
  return labels === undefined ? { agreement } : { agreement, accuracy: shareAlike(classes, labels) };
}
