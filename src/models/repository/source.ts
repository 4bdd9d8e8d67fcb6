import type { Dirent, Stats } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { messageOf, ServingError } from '../../config/errors.ts';
import { type FoundFile, type Layout, type ModelFolder, readLayout, type VersionFolder } from './layout.ts';

/** Where models come from. */
export interface ModelSource {
  /** What is there now. @throws ServingError FILE_NOT_FOUND */
  scan(): Promise<Layout>;
}

/** Folders below a version's that are looked into: `model.onnx`, and one of weights in it. */
const DEPTH = 3;

/** A folder in Triton's layout. */
export function repositorySource(root: string): ModelSource {
  return {
    async scan() {
      const folders = await foldersOf(root).catch((error: unknown) => {
        throw new ServingError('FILE_NOT_FOUND', `model repository '${root}': ${messageOf(error)}`);
      });
      return readLayout(root, await Promise.all(folders.map((name) => modelFolder(root, name))));
    },
  };
}

/** One file under a name and a version of its own. */
export function fileSource(path: string, name: string, version: string): ModelSource {
  return {
    async scan() {
      const found = await stat(path).catch(() => undefined);
      const fingerprint =
        found === undefined ? 'missing' : `${found.size}\0${found.mtimeMs}\0${found.ctimeMs}`;
      const model = { name, versions: [{ version, path, fingerprint }], hasTritonConfig: false };
      return { models: [model], refusals: [] };
    },
  };
}

async function modelFolder(root: string, name: string): Promise<ModelFolder> {
  const entries = await readdir(join(root, name)).catch(() => []);
  const kinds = await Promise.all(entries.map((entry) => statOf(join(root, name, entry))));
  const files = entries.filter((_, i) => kinds[i]?.isFile());
  const folders = entries.filter((_, i) => kinds[i]?.isDirectory());
  return {
    name,
    files,
    folders: await Promise.all(folders.map((version) => versionFolder(root, name, version))),
  };
}

async function versionFolder(root: string, model: string, name: string): Promise<VersionFolder> {
  return { name, files: await filesBelow(join(root, model, name), '', DEPTH) };
}

async function filesBelow(folder: string, below: string, depth: number): Promise<FoundFile[]> {
  const names = await readdir(join(folder, below)).catch(() => []);
  const found = await Promise.all(
    names.map(async (name): Promise<FoundFile[]> => {
      const path = join(below, name);
      const is = await statOf(join(folder, path));
      if (is?.isFile()) return [{ path, sizeBytes: is.size, modifiedMs: is.mtimeMs, changedMs: is.ctimeMs }];
      return is?.isDirectory() && depth > 1 ? filesBelow(folder, path, depth - 1) : [];
    }),
  );
  return found.flat();
}

async function foldersOf(root: string): Promise<string[]> {
  const entries: Dirent[] = await readdir(root, { withFileTypes: true });
  const isFolder = await Promise.all(
    entries.map(
      async (entry) =>
        entry.isDirectory() || ((await statOf(join(root, entry.name)))?.isDirectory() ?? false),
    ),
  );
  return entries.filter((_, i) => isFolder[i]).map(({ name }) => name);
}

/** Of what a link points to; undefined where nothing is (any more). */
function statOf(path: string): Promise<Stats | undefined> {
  return stat(path).catch(() => undefined);
}
