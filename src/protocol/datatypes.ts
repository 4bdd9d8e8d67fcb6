import { ServingError } from '../config/errors.ts';
import type { Datatype, TensorElements } from './types.ts';

/** Typed arrays that hold every datatype but BYTES. */
export type NumericElements = Exclude<TensorElements, readonly Uint8Array[]>;
export type FixedSizeDatatype = Exclude<Datatype, 'BYTES'>;

interface ElementsConstructor {
  readonly BYTES_PER_ELEMENT: number;
  new (length: number): NumericElements;
  new (buffer: ArrayBufferLike, byteOffset: number, length: number): NumericElements;
}

const CONSTRUCTORS: Readonly<Record<FixedSizeDatatype, ElementsConstructor>> = {
  BOOL: Uint8Array,
  UINT8: Uint8Array,
  UINT16: Uint16Array,
  UINT32: Uint32Array,
  UINT64: BigUint64Array,
  INT8: Int8Array,
  INT16: Int16Array,
  INT32: Int32Array,
  INT64: BigInt64Array,
  FP16: Uint16Array,
  BF16: Uint16Array,
  FP32: Float32Array,
  FP64: Float64Array,
};

const ONNX_NAMES: Readonly<Record<Datatype, string>> = {
  BOOL: 'bool',
  UINT8: 'uint8',
  UINT16: 'uint16',
  UINT32: 'uint32',
  UINT64: 'uint64',
  INT8: 'int8',
  INT16: 'int16',
  INT32: 'int32',
  INT64: 'int64',
  FP16: 'float16',
  BF16: 'bfloat16',
  FP32: 'float32',
  FP64: 'float64',
  BYTES: 'string',
};

const FROM_ONNX_NAME = new Map<string, Datatype>(
  Object.entries(ONNX_NAMES).map(([datatype, name]) => [name, datatype as Datatype]),
);

/** Every datatype, in the protocol's order. */
export const DATATYPES: readonly Datatype[] = Object.keys(ONNX_NAMES) as Datatype[];

/** Whether a word names a datatype of the protocol, case included. */
export function isDatatype(word: string): word is Datatype {
  return Object.hasOwn(ONNX_NAMES, word);
}

/** The ONNX Runtime name ('float32', 'string', …) of a datatype. */
export function onnxTypeOf(datatype: Datatype): string {
  return ONNX_NAMES[datatype];
}

/**
 * The datatype of an ONNX Runtime element type name.
 *
 * @throws ServingError MODEL_INVALID for a type that the protocol cannot carry (int4, complex64, …).
 */
export function datatypeOf(onnxType: string): Datatype {
  const datatype = FROM_ONNX_NAME.get(onnxType);
  if (datatype === undefined) {
    throw new ServingError('MODEL_INVALID', `element type '${onnxType}' has no datatype in the v2 protocol`);
  }
  return datatype;
}

/** Bytes of one element; BYTES has no fixed size. */
export function elementBytes(datatype: FixedSizeDatatype): number {
  return CONSTRUCTORS[datatype].BYTES_PER_ELEMENT;
}

/** `count` zeros of a datatype. */
export function allocateElements(datatype: FixedSizeDatatype, count: number): NumericElements {
  return new CONSTRUCTORS[datatype](count);
}

/** `count` elements that share memory with `buffer`; `byteOffset` must be a multiple of the element's size. */
export function viewElements(
  datatype: FixedSizeDatatype,
  buffer: ArrayBufferLike,
  byteOffset: number,
  count: number,
): NumericElements {
  return new CONSTRUCTORS[datatype](buffer, byteOffset, count);
}

/** Whether elements of a datatype are scores, of which some are the highest. */
export function isClassifiable(datatype: Datatype): boolean {
  return datatype !== 'BOOL' && datatype !== 'BYTES' && datatype !== 'BF16';
}
