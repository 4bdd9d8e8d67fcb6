import { ServingError } from '../../config/errors.ts';
import { float16Bits } from '../../estimator/float16.ts';
import { allocateElements, type FixedSizeDatatype, type NumericElements } from '../../protocol/datatypes.ts';
import type { Tensor, TensorSpec } from '../../protocol/types.ts';
import type { NpyArray } from './npy.ts';

/** Recorded inputs of a model, row by row; the first dimension of every array is the batch. */
export interface InputRows {
  readonly count: number;
  /** Rows [from, to) as one batch, in the model's own datatypes. */
  readonly batch: (from: number, to: number) => Tensor[];
}

/**
 * Fits arrays to a model's inputs: values are cast to the input's datatype, never scaled.
 *
 * @param arrays - one per input, by name.
 * @throws ServingError INVALID_REQUEST for a missing or unknown input, another shape, or numbers of rows that differ.
 */
export function inputRows(specs: readonly TensorSpec[], arrays: ReadonlyMap<string, NpyArray>): InputRows {
  for (const name of arrays.keys()) {
    if (!specs.some((spec) => spec.name === name))
      throw mismatch(`the model has no input '${name}', only ${names(specs)}`);
  }
  const columns = specs.map((spec) => column(spec, arrays.get(spec.name)));
  const count = columns[0]?.rows ?? 0;
  for (const { rows, spec } of columns) {
    if (rows !== count)
      throw mismatch(`input '${spec.name}' has ${rows} rows, '${specs[0]!.name}' has ${count}`);
  }
  return { count, batch: (from, to) => columns.map((c) => c.slice(from, to)) };
}

interface Column {
  readonly spec: TensorSpec;
  readonly rows: number;
  readonly slice: (from: number, to: number) => Tensor;
}

function column(spec: TensorSpec, array: NpyArray | undefined): Column {
  if (array === undefined) throw mismatch(`input '${spec.name}' is missing`);
  if (spec.datatype === 'BYTES')
    throw mismatch(`input '${spec.name}' takes text, which .npy inputs cannot hold`);
  if (spec.datatype === 'BF16')
    throw mismatch(`input '${spec.name}' takes bfloat16, which .npy inputs cannot hold`);
  if (spec.shape.length === 0) throw mismatch(`input '${spec.name}' is a scalar: it has no rows`);
  const { datatype } = spec;
  const rest = array.shape.slice(1);
  const isFit =
    array.shape.length === spec.shape.length &&
    spec.shape.every((d, i) => i === 0 || d === -1 || d === array.shape[i]);
  if (!isFit) {
    throw mismatch(`'${array.path}' has shape [${array.shape}], input '${spec.name}' takes [${spec.shape}]`);
  }
  const width = rest.reduce((a, b) => a * b, 1);
  return {
    spec,
    rows: array.shape[0]!,
    slice: (from, to) => {
      const elements = allocateElements(datatype, (to - from) * width);
      cast(array.elements, from * width, datatype, elements);
      return { name: spec.name, datatype, shape: [to - from, ...rest], elements };
    },
  };
}

/** Casts as NumPy does: towards zero for integers, anything but zero is true, float16 to the nearest. */
function cast(
  source: NpyArray['elements'],
  offset: number,
  datatype: FixedSizeDatatype,
  elements: NumericElements,
): void {
  if (elements instanceof BigInt64Array || elements instanceof BigUint64Array) {
    for (let i = 0; i < elements.length; i++) elements[i] = toBigInt(source[offset + i]!);
  } else {
    const convert = datatype === 'FP16' ? float16Bits : datatype === 'BOOL' ? toBool : Number;
    for (let i = 0; i < elements.length; i++) elements[i] = convert(Number(source[offset + i]!));
  }
}

/** @throws ServingError INVALID_REQUEST for NaN and infinities */
function toBigInt(value: number | bigint): bigint {
  if (typeof value === 'bigint') return value;
  const whole = Math.trunc(Number(value));
  if (!Number.isFinite(whole)) throw mismatch(`${value} in the inputs is no integer`);
  return BigInt(whole);
}

function toBool(value: number): number {
  return value === 0 ? 0 : 1;
}

function names(specs: readonly TensorSpec[]): string {
  return specs.map((spec) => `'${spec.name}'`).join(', ');
}

function mismatch(message: string): ServingError {
  return new ServingError('INVALID_REQUEST', message);
}
