import { realpath, stat } from 'node:fs/promises';
import { dirname, join, relative, resolve, sep } from 'node:path';
import { messageOf, ServingError } from '../../config/errors.ts';

/** Location of the weights outside a model file. */
export interface ExternalData {
  readonly folder: string;
  /** Paths relative to `folder`, by the locations in the model; empty if they are the same. */
  readonly locations: ReadonlyMap<string, string>;
}

/**
 * Finds the weights outside a model file as ONNX Runtime does for a model that it opens by its path: in the folder of that
 * path, or, if the files are links, in the folder of the model's real path, as in download caches.
 *
 * @param files - locations in the model, already checked to be relative and inside the folder.
 * @throws ServingError MODEL_INVALID for a link that leaves both folders; FILE_NOT_FOUND if a path cannot be read.
 */
export async function findExternalData(path: string, files: readonly string[]): Promise<ExternalData> {
  const folder = dirname(resolve(path));
  const [beside, real] = [await realOf(folder), dirname(await realOf(path))];
  const found = new Map<string, string>();
  for (const file of files) found.set(file, await realOf(join(folder, file)));
  const outside = (from: string) => [...found].find(([, place]) => !isBelow(from, place));
  if (outside(beside) === undefined) return { folder, locations: new Map() };
  const lost = outside(real);
  if (lost === undefined) {
    const locations = new Map([...found].map(([file, place]) => [file, relative(real, place)]));
    return { folder: real, locations };
  }
  throw new ServingError(
    'MODEL_INVALID',
    `external data at '${lost[0]}' is a link to '${lost[1]}', which leaves the folder of the model; expected a file in '${beside}' or in '${real}'`,
  );
}

/** Size and time of change of a file, as text; marked as absent if there is none. @throws ServingError FILE_NOT_FOUND */
export async function fileStamp(path: string): Promise<string> {
  const found = await stat(path).catch((error: NodeJS.ErrnoException) => missing(path, error));
  return `${found?.size} ${found?.mtimeMs}`;
}

/** The real path; for a missing file the path itself, so that opening it reports the error. */
async function realOf(path: string): Promise<string> {
  const real = await realpath(path).catch((error: NodeJS.ErrnoException) => missing(path, error));
  return (
    real ?? join(await realpath(dirname(path)).catch(() => dirname(path)), relative(dirname(path), path))
  );
}

function missing(path: string, error: NodeJS.ErrnoException): undefined {
  if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return undefined;
  throw new ServingError('FILE_NOT_FOUND', `'${path}' cannot be read: ${messageOf(error)}`);
}

function isBelow(folder: string, path: string): boolean {
  return path.startsWith(folder.endsWith(sep) ? folder : folder + sep);
}
