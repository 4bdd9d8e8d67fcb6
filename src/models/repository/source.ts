import type { Stats } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { messageOf, ServingError } from '../../config/errors.ts';
import { LABEL_FILE } from '../labels.ts';
import {
  type FoundFile,
  isVersion,
  type Layout,
  type ModelFolder,
  readLayout,
  type VersionFolder,
} from './layout.ts';

/** Where models come from. A model counts as removed only if its files do not exist; any other error leaves it as it is. */
export interface ModelSource {
  /** Which models there are now. @throws ServingError FILE_NOT_FOUND if nothing can be read. */
  scan(): Promise<Layout>;
}

/** Depth of folders read in a version: its own, `model.onnx`, and one of weights in that. */
const DEPTH = 3;

/** A folder in Triton's layout. It is read with one call at a time, so that one that hangs blocks one thread of Node's, not all. */
export function repositorySource(root: string): ModelSource {
  return {
    async scan() {
      const names = await readdir(root).catch((error: unknown) => {
        throw new ServingError('FILE_NOT_FOUND', `model repository '${root}': ${messageOf(error)}`);
      });
      const folders: ModelFolder[] = [];
      for (const name of names) {
        const folder = await modelFolder(root, name);
        if (folder !== undefined) folders.push(folder);
      }
      return readLayout(root, folders);
    },
  };
}

/** A single file, served under the given name and version. */
export function fileSource(path: string, name: string, version: string): ModelSource {
  return {
    async scan() {
      const unreadable = new Map<string, string>();
      const found = await ifThere(stat(path)).catch((error: unknown) => {
        unreadable.set(name, messageOf(error));
        return undefined;
      });
      if (unreadable.size > 0) return { models: [], refusals: [], unreadable };
      const fingerprint =
        found === undefined ? 'missing' : `${found.size}\0${found.mtimeMs}\0${found.ctimeMs}`;
      const model = { name, versions: [{ version, path, fingerprint }], hasTritonConfig: false };
      return { models: [model], refusals: [], unreadable };
    },
  };
}

/** Undefined if there is no such folder. */
async function modelFolder(root: string, name: string): Promise<ModelFolder | undefined> {
  const files: string[] = [];
  const folders: VersionFolder[] = [];
  let labels: FoundFile | undefined;
  try {
    if (!(await ifThere(stat(join(root, name))))?.isDirectory()) return undefined;
    for (const entry of (await ifThere(readdir(join(root, name)))) ?? []) {
      const is = await ifThere(stat(join(root, name, entry)));
      if (is?.isFile()) files.push(entry);
      if (is?.isFile() && entry === LABEL_FILE) labels = foundFile(entry, is);
      if (is?.isDirectory() && isVersion(entry))
        folders.push({ name: entry, files: await filesBelow(join(root, name, entry), '', DEPTH) });
    }
  } catch (error) {
    return { name, files, folders, unreadable: messageOf(error) };
  }
  return { name, files, folders, labels };
}

async function filesBelow(folder: string, below: string, depth: number): Promise<FoundFile[]> {
  const found: FoundFile[] = [];
  for (const name of (await ifThere(readdir(join(folder, below)))) ?? []) {
    const path = join(below, name);
    const is = await ifThere(stat(join(folder, path)));
    if (is?.isFile()) found.push(foundFile(path, is));
    else if (is?.isDirectory() && depth > 1) found.push(...(await filesBelow(folder, path, depth - 1)));
  }
  return found;
}

function foundFile(path: string, { size, mtimeMs, ctimeMs }: Stats): FoundFile {
  return { path, sizeBytes: size, modifiedMs: mtimeMs, changedMs: ctimeMs };
}

/** Undefined if there is no such file. @throws any other error. */
async function ifThere<T>(asked: Promise<T>): Promise<T | undefined> {
  return asked.catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return undefined;
    throw error;
  });
}
