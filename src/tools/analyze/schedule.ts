import { ServingError } from '../../config/errors.ts';
import type { InputRows } from '../inputs/input-rows.ts';

/** One run: rows [from, to), all of them in one slice. */
export interface Batch {
  readonly from: number;
  readonly to: number;
  readonly slice: number;
}

/** Slices of whole rows; the noise of every estimate is judged between them. */
export const SLICES = 20;

/**
 * Rows cut into slices of consecutive rows that differ by at most one row, and each slice into batches as equal as
 * they can be. Slices do not depend on the batch size, so neither does any result.
 *
 * A model whose batch dimension is fixed gets batches of exactly that size, and a rest of the rows is left out.
 *
 * @throws ServingError INVALID_REQUEST when there are fewer rows than a fixed batch takes.
 */
export function schedule(rows: number, batch: number, fixed: number | undefined): readonly Batch[] {
  const unit = fixed ?? 1;
  const units = Math.floor(rows / unit);
  if (units === 0)
    throw new ServingError('INVALID_REQUEST', `${rows} rows: the model takes batches of exactly ${unit}`);
  const slices = Math.min(SLICES, units);
  const batches: Batch[] = [];
  for (let slice = 0; slice < slices; slice++) {
    const first = Math.floor((slice * units) / slices);
    const length = Math.floor(((slice + 1) * units) / slices) - first;
    const parts = fixed === undefined ? Math.ceil(length / batch) : length;
    for (let part = 0; part < parts; part++) {
      const from = first + Math.floor((part * length) / parts);
      const to = first + Math.floor(((part + 1) * length) / parts);
      batches.push({ from: from * unit, to: to * unit, slice });
    }
  }
  return batches;
}

/**
 * The runs of the first rows of a recording, in slices of consecutive rows.
 *
 * @param rows - most rows; of recorded requests at least one is taken, and none is cut.
 * @param batch - most rows of a run that may have any number of them.
 * @throws ServingError INVALID_REQUEST when there are fewer rows than a run takes.
 */
export function runsOf(
  { runSize }: Pick<InputRows, 'runSize'>,
  rows: number,
  batch: number,
): readonly Batch[] {
  if (runSize?.kind !== 'requests') return schedule(rows, batch, runSize?.rows);
  const ends = runSize.ends.filter((end, i) => i === 0 || end <= rows);
  return schedule(ends.length, 1, 1).map(({ from, slice }) => ({
    from: ends[from - 1] ?? 0,
    to: ends[from]!,
    slice,
  }));
}
