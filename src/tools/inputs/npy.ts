import { readFile } from 'node:fs/promises';
import { parse } from 'npyjs';
import { messageOf, ServingError } from '../../config/errors.ts';

/** An array from a `.npy` file, row-major. */
export interface NpyArray {
  readonly path: string;
  readonly shape: readonly number[];
  /** NumPy's name of the element type without its byte order: f4, i8, u1, … */
  readonly dtype: string;
  readonly elements: ArrayLike<number> | ArrayLike<bigint>;
}

/** @throws ServingError FILE_NOT_FOUND, or INVALID_REQUEST unless it is a row-major numeric `.npy` file. */
export async function readNpy(path: string): Promise<NpyArray> {
  return parseNpy(await bytesOf(path), path);
}

/** The bytes of a file. @throws ServingError FILE_NOT_FOUND */
export async function bytesOf(path: string): Promise<Uint8Array> {
  return readFile(path).catch((error: unknown) => {
    throw new ServingError('FILE_NOT_FOUND', `'${path}' cannot be read: ${messageOf(error)}`);
  });
}

/** @param path - named in errors. @throws ServingError INVALID_REQUEST unless it is a row-major numeric `.npy` file. */
export function parseNpy(bytes: Uint8Array, path: string): NpyArray {
  const magic = Buffer.from(bytes.buffer, bytes.byteOffset, Math.min(6, bytes.length)).toString('latin1');
  if (magic !== '\x93NUMPY') throw invalid(path, 'it does not begin with the NumPy magic number');
  try {
    const own = bytes.slice();
    const array = parse(own.buffer as ArrayBuffer);
    if (array.fortranOrder) throw invalid(path, 'it is column-major (fortran_order); save it with order="C"');
    if (!/^[iufb]/.test(array.dtype)) throw invalid(path, `element type '${array.dtype}' is not numeric`);
    const elements = array.data as unknown as NpyArray['elements'];
    const count = array.shape.reduce((a, b) => a * b, 1);
    if (elements.length !== count) {
      throw invalid(path, `it holds ${elements.length} elements, shape [${array.shape}] needs ${count}`);
    }
    return { path, shape: array.shape, dtype: array.dtype, elements };
  } catch (error) {
    throw error instanceof ServingError ? error : invalid(path, messageOf(error));
  }
}

function invalid(path: string, reason: string): ServingError {
  return new ServingError('INVALID_REQUEST', `'${path}' is not a usable .npy file: ${reason}`);
}
