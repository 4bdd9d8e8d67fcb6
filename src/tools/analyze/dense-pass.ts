import { type ActivationHistogram, emptyHistogram, merge, mergeAll } from '../../estimator/histogram.ts';
import type { RetainedAtSite } from '../../runtime/measure.ts';
import { topClasses } from './class-scores.ts';
import { type Passes, pass } from './passes.ts';

/** What one dense run over all rows tells. */
export interface DensePass {
  /** One per slice, and in it one per site. */
  readonly slices: readonly (readonly ActivationHistogram[])[];
  /** M and Σ at each threshold of the tally, over all sites; empty when none was asked for. */
  readonly tally: readonly RetainedAtSite[];
  /** The class of every row; empty when the model gives no class scores. */
  readonly classes: Int32Array;
  /** How many classes there are. */
  readonly classCount: number;
  /** Of the sites' activation functions; absent: none has one. */
  readonly poles?: readonly (number | null)[] | undefined;
}

/** Runs the unpruned network once, with the histograms of every site and an exact count at `thresholds`. */
export async function densePass(
  passes: Passes,
  thresholds: readonly number[],
  onRows: (rows: number) => void,
): Promise<DensePass> {
  const last = passes.batches.at(-1)!;
  const slices = Array.from({ length: last.slice + 1 }, () =>
    Array.from({ length: passes.sites }, emptyHistogram),
  );
  const tally = thresholds.map(() => ({ count: 0, sum: 0 }));
  const classes = new Int32Array(passes.outputs.length === 0 ? 0 : last.to);
  let classCount = 0;
  const tallyAt = Float32Array.from(thresholds);
  const measure = thresholds.length === 0 ? 'histogram' : { tallyAt };
  await pass(passes, 0, measure, ({ histograms, retained, outputs: [scores] }, { from, to, slice }) => {
    for (const [site, h] of histograms.entries()) merge(slices[slice]![site]!, h);
    for (const [k, { count, sum }] of retained.entries()) {
      tally[k]!.count += count;
      tally[k]!.sum += sum;
    }
    if (scores !== undefined) {
      topClasses(scores, classes, from);
      classCount = scores.shape[1]!;
    }
    onRows(to - from);
  });
  return { slices, tally, classes, classCount, poles: passes.poles };
}

/** One histogram per slice, over all sites: the form that a critical point is read from. */
export function mergedSlices({ slices }: Pick<DensePass, 'slices'>): ActivationHistogram[] {
  return slices.map(mergeAll);
}

/** One histogram per site, over all slices. */
export function siteHistograms({ slices }: Pick<DensePass, 'slices'>): ActivationHistogram[] {
  return slices[0]!.map((_, site) => mergeAll(slices.map((slice) => slice[site]!)));
}
