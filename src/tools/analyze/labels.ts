import { bundledModel } from '../../config/bundled-model.ts';
import { ServingError } from '../../config/errors.ts';
import { type NpyArray, readNpy } from '../inputs/npy.ts';
import { areBundled } from '../inputs/recorded-inputs.ts';
import type { AnalyzeOptions } from './options.ts';

/**
 * The class of every row; undefined when no labels are given. The bundled inputs bring their own.
 *
 * @param rows - how many the inputs have.
 * @throws ServingError FILE_NOT_FOUND, or INVALID_REQUEST for labels that are not one whole number per row.
 */
export async function recordedLabels(rows: number, options: AnalyzeOptions): Promise<Int32Array | undefined> {
  const source = options.labels ?? (areBundled(options) ? bundledModel('labels.npy') : undefined);
  if (source === undefined) return undefined;
  return classesOf(typeof source === 'string' ? await readNpy(source) : source, rows);
}

function classesOf({ path, shape, dtype, elements }: NpyArray, rows: number): Int32Array {
  if (!/^[iub]/.test(dtype))
    throw invalid(`labels '${path}': element type '${dtype}', expected whole numbers`);
  const isColumn = shape.length === 1 || (shape.length === 2 && shape[1] === 1);
  if (!isColumn || shape[0] !== rows)
    throw invalid(`labels '${path}': shape [${shape}], expected [${rows}], one class per row of the inputs`);
  return Int32Array.from(elements as ArrayLike<number | bigint>, Number);
}

function invalid(message: string): ServingError {
  return new ServingError('INVALID_REQUEST', message);
}
