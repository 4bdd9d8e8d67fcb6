import { binOf } from '../../estimator/bins.ts';
import { type ActivationHistogram, mergeAll, retainedFrom, tails } from '../../estimator/histogram.ts';
import type { Tensor } from '../../protocol/types.ts';
import type { Measure } from '../measure.ts';
import type { Measured } from '../measured-taps.ts';
import { UpstreamFault } from './client.ts';

/** Entries of a histogram before its counts: number of bins, first bin, zeros, not finite. */
const HEADER = 4;
const OCTAVE = 64;

/**
 * What a run measures, from the histograms of what passed each site's gate, row by row.
 *
 * @param tensor - FP64 [rows, …]; for each row, sites one after the other, as the operator RowHistograms writes them.
 * @param rows - that must be there.
 * @throws UpstreamFault of kind `failed` for anything else.
 */
export function measuredRows(tensor: Tensor, rows: number, sites: number, measure: Measure): Measured {
  const { datatype, shape, elements } = tensor;
  if (datatype !== 'FP64' || shape.length !== 2 || shape[0] !== rows)
    throw wrong(`${datatype} [${shape.join(',')}], expected FP64 [${rows},-1]`);
  const size = shape[1]!;
  const all = elements as Float64Array;
  const ofRows = Array.from({ length: rows }, (_, row) =>
    histogramsIn(all.subarray(row * size, (row + 1) * size), sites),
  );
  const histograms = Array.from({ length: sites }, (_, site) => mergeAll(ofRows.map((own) => own[site]!)));
  if (measure === 'nothing') return { histograms: [], retained: [] };
  if (measure === 'histogram') return { histograms, retained: [] };
  if (measure === 'retained')
    return { histograms: [], retained: histograms.map((own) => retainedFrom(tails(own), 0)) };
  const together = tails(mergeAll(histograms));
  return { histograms, retained: Array.from(measure.tallyAt, (tau) => retainedFrom(together, binOf(tau))) };
}

function histogramsIn(row: Float64Array, sites: number): readonly ActivationHistogram[] {
  let at = 0;
  const histograms = Array.from({ length: sites }, (_, site): ActivationHistogram => {
    const [bins = Number.NaN, offset = 0, zeros = 0, nonFinite = 0] = row.subarray(at, at + HEADER);
    const end = at + HEADER + 2 * bins;
    const isWhole = Number.isInteger(bins) && bins >= 0 && bins % OCTAVE === 0 && end <= row.length;
    const isPlaced = Number.isInteger(offset) && offset >= 0 && offset % OCTAVE === 0;
    if (!isWhole || !isPlaced) throw wrong(`no histogram of site ${site}`);
    const numbers = row.subarray(at + HEADER, end);
    if (!isCount(zeros) || !isCount(nonFinite) || !numbers.every(isCount))
      throw wrong(`the histogram of site ${site} has counts that are none`);
    at = end;
    return { offset, zeros, nonFinite, counts: numbers.slice(0, bins), residuals: numbers.slice(bins) };
  });
  if (at !== row.length) throw wrong(`${row.length - at} numbers after the histograms of ${sites} sites`);
  return histograms;
}

function isCount(n: number): boolean {
  return n >= 0 && Number.isSafeInteger(n);
}

function wrong(what: string): UpstreamFault {
  return new UpstreamFault('failed', `upstream: wrong answer: histograms: ${what}`);
}
