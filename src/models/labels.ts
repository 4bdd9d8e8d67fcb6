import { readFile, stat } from 'node:fs/promises';
import { messageOf, ServingError } from '../config/errors.ts';

/** File beside a model's versions with the name of each class, one per line. */
export const LABEL_FILE = 'labels.txt';
/** Largest file of labels: a million classes of sixteen characters. */
const MAX_BYTES = 16 << 20;

/**
 * Reads the names of the classes, one per line; the line number is the class index.
 *
 * @throws ServingError FILE_NOT_FOUND where the file cannot be read, MODEL_INVALID where it is too large.
 */
export async function readLabels(path: string): Promise<readonly string[]> {
  const text = await read(path).catch((error: unknown) => {
    if (error instanceof ServingError) throw error;
    throw new ServingError('FILE_NOT_FOUND', `labels '${path}' cannot be read: ${messageOf(error)}`);
  });
  const lines = text.split(/\r?\n/);
  if (lines.at(-1) === '') lines.pop();
  return lines;
}

async function read(path: string): Promise<string> {
  if ((await stat(path)).size > MAX_BYTES)
    throw new ServingError('MODEL_INVALID', `labels '${path}' have more than ${MAX_BYTES} bytes`);
  return readFile(path, 'utf8');
}
