import { unzipSync } from 'fflate';
import { messageOf, ServingError } from '../../config/errors.ts';
import type { Arrays, Recording } from './input-rows.ts';
import { bytesOf, type NpyArray, parseNpy } from './npy.ts';

/** An entry of a recording of requests: number of the request, name of the input. See `npzOf` of the protocol. */
const REQUEST_ENTRY = /^(\d+)\/(.+)$/s;

/**
 * Reads an `.npz` file: one array per input, as `numpy.savez` writes it, or the requests that `taustat record` writes.
 *
 * @throws ServingError FILE_NOT_FOUND, or INVALID_REQUEST unless all its entries are usable `.npy` files of one of the kinds.
 */
export async function readNpz(path: string): Promise<Recording> {
  const arrays = unzipped(await bytesOf(path), path);
  const requests = new Map<string, Map<string, NpyArray>>();
  for (const [entry, array] of arrays) {
    const [, number, name] = REQUEST_ENTRY.exec(entry) ?? [];
    if (number === undefined) continue;
    const request = requests.get(number) ?? new Map<string, NpyArray>();
    requests.set(number, request.set(name!, array));
  }
  if (requests.size === 0) return arrays;
  const entries = [...requests.values()].reduce((sum, { size }) => sum + size, 0);
  if (entries !== arrays.size) throw invalid(path, 'it holds requests and other arrays');
  return [...requests].sort(([a], [b]) => Number(a) - Number(b)).map(([, request]) => request);
}

function unzipped(bytes: Uint8Array, path: string): Arrays {
  let files: Readonly<Record<string, Uint8Array>>;
  try {
    files = unzipSync(bytes);
  } catch (error) {
    throw invalid(path, messageOf(error));
  }
  return new Map(
    Object.entries(files).map(([file, content]) => [
      file.replace(/\.npy$/, ''),
      parseNpy(content, `${path}: ${file}`),
    ]),
  );
}

function invalid(path: string, reason: string): ServingError {
  return new ServingError('INVALID_REQUEST', `'${path}' is not a usable .npz file: ${reason}`);
}
