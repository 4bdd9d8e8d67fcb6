import { Zip, ZipPassThrough } from 'fflate';
import { type DType, dump } from 'npyjs';
import { ServingError } from '../config/errors.ts';
import type { Datatype, Tensor, TensorSpec } from './types.ts';

/** The inputs of a request, with its place in the order of requests. */
export interface NumberedRequest {
  readonly number: number;
  readonly inputs: readonly Tensor[];
}

/** NumPy's element types; `.npy` has none for BF16 and BYTES. */
const ELEMENT_TYPES: Readonly<Partial<Record<Datatype, DType>>> = {
  BOOL: 'b1',
  UINT8: 'u1',
  UINT16: 'u2',
  UINT32: 'u4',
  UINT64: 'u8',
  INT8: 'i1',
  INT16: 'i2',
  INT32: 'i4',
  INT64: 'i8',
  FP16: 'f2',
  FP32: 'f4',
  FP64: 'f8',
};

/** Most entries of a zip archive without extensions: its count has 16 bits, and 65,535 stands for more. */
export const MOST_NPZ_ENTRIES = 0xffff - 1;
/** Bytes of arrays, and arrays, that are encoded at once: a fraction of a millisecond. */
const PIECE_BYTES = 256 * 1024;
const PIECE_ARRAYS = 16;

/** The first of the requests, as many as one archive can hold. */
export function fittingNpz(requests: readonly NumberedRequest[]): readonly NumberedRequest[] {
  let entries = 0;
  const tooMany = requests.findIndex(({ inputs }) => {
    entries += inputs.length;
    return entries > MOST_NPZ_ENTRIES;
  });
  return tooMany === -1 ? requests : requests.slice(0, tooMany);
}

/** @throws ServingError INVALID_REQUEST if an input's datatype has no form in `.npy`. */
export function checkNpzInputs(specs: readonly TensorSpec[]): void {
  const other = specs.find(({ datatype }) => ELEMENT_TYPES[datatype] === undefined);
  if (other !== undefined)
    throw new ServingError(
      'INVALID_REQUEST',
      `input '${other.name}' is ${other.datatype}, which .npy files cannot hold`,
    );
}

/**
 * An `.npz` file of requests, in pieces: the input `x` of request 7 is the array `7/x`. Uncompressed. O(bytes).
 *
 * @param requests - that one archive can hold.
 * @throws ServingError INVALID_REQUEST for a datatype that `.npy` lacks.
 */
export function* npzOf(requests: Iterable<NumberedRequest>): Generator<Uint8Array> {
  let pieces: Uint8Array[] = [];
  let [arrays, size] = [0, 0];
  const zip = new Zip((_error, piece) => pieces.push(piece));
  for (const { number, inputs } of requests) {
    checkNpzInputs(inputs);
    for (const tensor of inputs) {
      const file = new ZipPassThrough(`${number}/${tensor.name}.npy`);
      zip.add(file);
      arrays++;
      const bytes = npyOf(tensor);
      for (let from = 0; from < bytes.byteLength; from += PIECE_BYTES) {
        const piece = bytes.subarray(from, from + PIECE_BYTES);
        file.push(piece, from + PIECE_BYTES >= bytes.byteLength);
        size += piece.byteLength;
        if (arrays < PIECE_ARRAYS && size < PIECE_BYTES) continue;
        yield Buffer.concat(pieces);
        pieces = [];
        [arrays, size] = [0, 0];
      }
    }
  }
  zip.end();
  yield Buffer.concat(pieces);
}

function npyOf({ datatype, shape, elements }: Tensor): Uint8Array {
  const dtype = ELEMENT_TYPES[datatype]!;
  return new Uint8Array(dump(elements as Float64Array, [...shape], { dtype }));
}
