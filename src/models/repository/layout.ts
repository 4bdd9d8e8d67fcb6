import { join } from 'node:path';

/** A file in a version's folder; `path` is relative to that folder. */
export interface FoundFile {
  readonly path: string;
  readonly sizeBytes: number;
  /** Times of change of content and of inode, Unix milliseconds. A copy that preserves times changes only the second. */
  readonly modifiedMs: number;
  readonly changedMs: number;
}

export interface VersionFolder {
  readonly name: string;
  readonly files: readonly FoundFile[];
}

/** A folder at the top of a repository. */
export interface ModelFolder {
  readonly name: string;
  readonly folders: readonly VersionFolder[];
  /** Names of the files in this folder itself. */
  readonly files: readonly string[];
  /** The file of labels, if there is one. */
  readonly labels?: FoundFile | undefined;
  /** Why the folder or a file in it cannot be read; absent if all can. */
  readonly unreadable?: string | undefined;
}

export interface FoundVersion {
  /** Version number, decimal. */
  readonly version: string;
  /** Path of the ONNX file. */
  readonly path: string;
  /** Path of the model's file of labels; absent: none. */
  readonly labelsPath?: string;
  /** Changes whenever a file of the version may have changed. */
  readonly fingerprint: string;
}

export interface FoundModel {
  readonly name: string;
  /** Newest first; at least one. */
  readonly versions: readonly FoundVersion[];
  /** There is a `config.pbtxt` for Triton, which taustat ignores. */
  readonly hasTritonConfig: boolean;
}

/** An entry of a repository that is not a model, with the reason. */
export interface Refusal {
  readonly name: string;
  /** Absent for the whole folder. */
  readonly version?: string;
  readonly reason: string;
}

export interface Layout {
  readonly models: readonly FoundModel[];
  readonly refusals: readonly Refusal[];
  /** Models whose files cannot be read, with the reason. They do not count as removed. */
  readonly unreadable: ReadonlyMap<string, string>;
}

const INT64_MAX = 2n ** 63n - 1n;
const MODEL_FILE = 'model.onnx';

/**
 * The models of a repository in Triton's layout, `name/version/model.onnx`; where weights are in files of their own,
 * `model.onnx` may be a folder that holds `model.onnx` and them. O(files).
 *
 * Ignored: folders whose name starts with a dot, and folders of a model whose name is not a number.
 *
 * @param root - path of the repository.
 */
export function readLayout(root: string, folders: readonly ModelFolder[]): Layout {
  const models: FoundModel[] = [];
  const refusals: Refusal[] = [];
  const unreadable = new Map<string, string>();
  for (const folder of folders) {
    const { name } = folder;
    if (name.startsWith('.')) continue;
    const unfit = problemOfName(name);
    if (unfit !== undefined) {
      refusals.push({ name, reason: unfit });
      continue;
    }
    if (folder.unreadable !== undefined) {
      unreadable.set(name, folder.unreadable);
      continue;
    }
    const numbered = folder.folders.filter((version) => isVersion(version.name));
    const versions: FoundVersion[] = [];
    for (const version of numbered) {
      const found = readVersion(join(root, name), version, folder.labels);
      if (found === undefined)
        refusals.push({ name, version: version.name, reason: `holds no ${MODEL_FILE}` });
      else versions.push(found);
    }
    if (numbered.length === 0)
      refusals.push({ name, reason: 'holds no folder named by a version, such as 1' });
    if (versions.length === 0) continue;
    versions.sort((a, b) => (BigInt(a.version) < BigInt(b.version) ? 1 : -1));
    models.push({ name, versions, hasTritonConfig: folder.files.includes('config.pbtxt') });
  }
  return { models, refusals, unreadable };
}

/** Why a folder's name cannot be a model's name; undefined if it can. */
export function problemOfName(name: string): string | undefined {
  if (name === '' || name === '.' || name === '..') return 'is no name';
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is refused
  if (/[/\\\u0000-\u001f\u007f]/.test(name))
    return 'a model name must not hold a slash or a control character';
  return undefined;
}

/** Whether a name is a version, as in Triton: decimal digits without a leading zero, within int64. */
export function isVersion(name: string): boolean {
  return /^[1-9]\d{0,18}$/.test(name) && BigInt(name) <= INT64_MAX;
}

function readVersion(
  folder: string,
  { name, files }: VersionFolder,
  labels: FoundFile | undefined,
): FoundVersion | undefined {
  const paths = new Set(files.map((file) => file.path));
  const path = [MODEL_FILE, join(MODEL_FILE, MODEL_FILE)].find((candidate) => paths.has(candidate));
  if (path === undefined) return undefined;
  const fingerprint = [...files, ...(labels === undefined ? [] : [{ ...labels, path: `../${labels.path}` }])]
    .map((file) => `${file.path}\0${file.sizeBytes}\0${file.modifiedMs}\0${file.changedMs}`)
    .sort()
    .join('\n');
  const found = { version: name, path: join(folder, name, path), fingerprint };
  return labels === undefined ? found : { ...found, labelsPath: join(folder, labels.path) };
}

/** Fingerprint of all files of a model; changes whenever one of them may have changed. */
export function filesFingerprint({ versions }: FoundModel): string {
  return versions.map(({ version, fingerprint }) => `${version}\n${fingerprint}`).join('\n\n');
}
