import { ServingError } from '../../config/errors.ts';
import { float16Bits } from '../../estimator/float16.ts';
import { allocateElements, type FixedSizeDatatype, type NumericElements } from '../../protocol/datatypes.ts';
import type { Datatype, Tensor, TensorSpec } from '../../protocol/types.ts';
import type { NpyArray } from './npy.ts';

/** One input of a recording. */
export interface Column {
  readonly spec: TensorSpec;
  /** Null: the same value in every run. */
  readonly rows: number | null;
  readonly slice: (from: number, to: number) => Tensor;
}

/** Rows along an axis of an array. */
export function batchedColumn(spec: TensorSpec, array: NpyArray, axis: number): Column {
  checkShape(spec, array, axis);
  const { name, datatype } = spec;
  const { shape, elements: source } = array;
  const outer = product(shape.slice(0, axis));
  const inner = product(shape.slice(axis + 1));
  const rows = shape[axis]!;
  return {
    spec,
    rows,
    slice: (from, to) => {
      const width = (to - from) * inner;
      const elements = allocateElements(datatype as FixedSizeDatatype, outer * width);
      for (let i = 0; i < outer; i++)
        cast(source, (i * rows + from) * inner, datatype, elements.subarray(i * width, (i + 1) * width));
      return { name, datatype, shape: shape.with(axis, to - from), elements };
    },
  };
}

/** A whole array, the same in every run. */
export function sharedColumn(spec: TensorSpec, array: NpyArray): Column {
  checkShape(spec, array);
  const { name, datatype } = spec;
  return {
    spec,
    rows: null,
    slice: () => {
      const elements = allocateElements(datatype as FixedSizeDatatype, product(array.shape));
      cast(array.elements, 0, datatype, elements);
      return { name, datatype, shape: [...array.shape], elements };
    },
  };
}

/** The initial value of recurrent state: zeros unless it is given. */
export function stateColumn(spec: TensorSpec, array: NpyArray | undefined, axis: number | null): Column {
  checkDatatype(spec);
  if (array !== undefined) {
    if (array.shape.length !== spec.shape.length)
      throw mismatch(
        `'${array.path}' has shape [${array.shape}]: of state '${spec.name}' only the initial value can be given`,
      );
    return sharedColumn(spec, array);
  }
  const open = spec.shape.findIndex((size, i) => size < 0 && i !== axis);
  if (open >= 0)
    throw mismatch(
      `state '${spec.name}' has a variable shape [${spec.shape}]: give its initial value with --inputs ${spec.name}=x.npy`,
    );
  const { name, datatype } = spec;
  return {
    spec,
    rows: null,
    slice: (from, to) => {
      const shape = spec.shape.map((size) => (size < 0 ? to - from : size));
      return {
        name,
        datatype,
        shape,
        elements: allocateElements(datatype as FixedSizeDatatype, product(shape)),
      };
    },
  };
}

/** @throws ServingError INVALID_REQUEST for a datatype that .npy cannot hold. */
export function checkDatatype({ name, datatype }: TensorSpec): void {
  if (datatype === 'BYTES') throw mismatch(`input '${name}' takes text, which .npy inputs cannot hold`);
  if (datatype === 'BF16') throw mismatch(`input '${name}' takes bfloat16, which .npy inputs cannot hold`);
}

/** @param axis - may have any size. */
function checkShape(spec: TensorSpec, { path, shape }: NpyArray, axis = -1): void {
  const isFit =
    shape.length === spec.shape.length &&
    spec.shape.every((d, i) => i === axis || d === -1 || d === shape[i]);
  if (!isFit) throw mismatch(`'${path}' has shape [${shape}], input '${spec.name}' takes [${spec.shape}]`);
}

/** Casts as NumPy does: towards zero for integers, anything but zero is true, float16 to the nearest. */
function cast(
  source: NpyArray['elements'],
  offset: number,
  datatype: Datatype,
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

/** Number of elements of a shape. */
export function product(sizes: readonly number[]): number {
  return sizes.reduce((a, b) => a * b, 1);
}

/** The error for a recording that does not fit its model. */
export function mismatch(message: string): ServingError {
  return new ServingError('INVALID_REQUEST', message);
}
