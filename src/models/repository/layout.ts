import { join } from 'node:path';

/** A file below a version's folder, by its path from there. */
export interface FoundFile {
  readonly path: string;
  readonly sizeBytes: number;
  /** Of the content and of the file's record, of which a copy that keeps its times moves only the second. */
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
  /** Names of the files beside the versions' folders. */
  readonly files: readonly string[];
  /** The file among them that names the classes. */
  readonly labels?: FoundFile | undefined;
  /** Why the folder, or anything in it, cannot be read; absent: it can. */
  readonly unreadable?: string | undefined;
}

export interface FoundVersion {
  /** Decimal. */
  readonly version: string;
  /** The ONNX file. */
  readonly path: string;
  /** The file of labels, of all versions of the model; absent: there is none. */
  readonly labelsPath?: string;
  /** Another one whenever a file of the version may have changed. */
  readonly fingerprint: string;
}

export interface FoundModel {
  readonly name: string;
  /** Newest first; at least one. */
  readonly versions: readonly FoundVersion[];
  /** There is a configuration for Triton, which nothing here reads. */
  readonly hasTritonConfig: boolean;
}

/** What is in a repository and is no model, with the reason. */
export interface Refusal {
  readonly name: string;
  /** Absent where the whole folder is meant. */
  readonly version?: string;
  readonly reason: string;
}

export interface Layout {
  readonly models: readonly FoundModel[];
  readonly refusals: readonly Refusal[];
  /** Models of which nobody can tell what is there, with the reason. They are not gone. */
  readonly unreadable: ReadonlyMap<string, string>;
}

const INT64_MAX = 2n ** 63n - 1n;
const MODEL_FILE = 'model.onnx';

/**
 * The models of a repository in Triton's layout, `name/version/model.onnx`; where weights are in files of their own,
 * `model.onnx` may be a folder that holds `model.onnx` and them. O(files).
 *
 * Folders whose name starts with a dot are nobody's business, folders of a model that are no numbers neither.
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
    const unfit = unfitName(name);
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

/** Why a folder's name cannot be a model's; undefined when it can. */
export function unfitName(name: string): string | undefined {
  if (name === '' || name === '.' || name === '..') return 'is no name';
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is refused
  if (/[/\\\u0000-\u001f\u007f]/.test(name))
    return 'a model name must not hold a slash or a control character';
  return undefined;
}

/** As Triton has it: decimal digits without a leading zero, within int64. */
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

/** What tells whether any file of a model may have changed. */
export function filesOf({ versions }: FoundModel): string {
  return versions.map(({ version, fingerprint }) => `${version}\n${fingerprint}`).join('\n\n');
}
