import { copyFile, mkdir, writeFile } from 'node:fs/promises';
import { basename, dirname, join, posix, resolve } from 'node:path';
import { messageOf, ServingError } from '../../config/errors.ts';
import { DESCRIPTION_KEY, type Description } from '../../onnx/description.ts';
import type { SiteOptions } from '../../onnx/sites.ts';
import { readModel } from '../../runtime/local/load-model.ts';
import { tryNative } from '../../runtime/local/native/load.ts';
import { pythonReadme } from './python-readme.ts';
import { type SparseExport, type SparseExportOptions, sparseExport } from './sparse-export.ts';
import { tritonConfig } from './triton-config.ts';
import { type UpstreamExport, upstreamExport } from './upstream-export.ts';

export const TARGETS = ['triton', 'onnxruntime', 'v2'] as const;
/** `v2` is any server of the protocol, which runs standard operators. */
export type Target = (typeof TARGETS)[number];
type SparseTarget = Exclude<Target, 'v2'>;

export interface TargetOptions extends SparseExportOptions {
  readonly target: SparseTarget;
  /** Is made where it is not there. For Triton: the model repository. */
  readonly folder: string;
  /** Name of the model in Triton; by default that of the file. */
  readonly name?: string | undefined;
  /** Where Triton sees the folder; by default where it is. */
  readonly servedFrom?: string | undefined;
}

export interface WrittenTarget extends SparseExport {
  /** Relative to the folder. */
  readonly files: readonly string[];
}

const LIBRARY = process.platform === 'darwin' ? 'libtaustat.dylib' : 'libtaustat.so';

/**
 * Writes a model whose layers skip zeros, the library with its operators, and what the target needs to load both.
 *
 * @throws ServingError as `sparseExport`; UNAVAILABLE without a library for this machine, CONFIG_INVALID for a name that is no
 *   name of a folder, FILE_NOT_FOUND where the folder cannot be written.
 */
export async function writeTarget(options: TargetOptions): Promise<WrittenTarget> {
  const { target, model, folder, name = basename(model).replace(/\.onnx$/i, ''), servedFrom } = options;
  checkName(name);
  const native = await tryNative();
  if (native.kind === 'unavailable')
    throw new ServingError('UNAVAILABLE', `no operators to write: ${native.reason}: ${native.howTo}`);
  const made = await sparseExport({ ...options, isForServer: target === 'triton' });
  const [entry, modelFolder] = target === 'triton' ? [name, join(name, '1')] : ['', ''];
  const page = target === 'triton' ? 'config.pbtxt' : 'README.md';
  const text =
    target === 'triton'
      ? tritonConfigOf(made, name, servedFrom ?? resolve(folder))
      : pythonReadme({ ...made, library: LIBRARY, platform: `${process.platform}-${process.arch}` });
  const files = await writeFiles(folder, [
    [join(modelFolder, 'model.onnx'), (path) => writeFile(path, made.bytes)],
    ...copies(made.externalFiles, dirname(model), modelFolder),
    [join(entry, LIBRARY), (path) => copyFile(native.binaryPath, path)],
    [join(entry, page), (path) => writeFile(path, text)],
    ...(made.server === undefined ? [] : [descriptionFile(entry, made.server.description)]),
  ]);
  return { ...made, files };
}

export interface UpstreamTargetOptions {
  readonly model: string;
  /** The model repository. Is made where it is not there. */
  readonly folder: string;
  /** Name of the instrumented model; by default that of the file and `_taustat`. */
  readonly name?: string | undefined;
  readonly sites: SiteOptions;
}

export interface WrittenUpstream extends UpstreamExport {
  readonly name: string;
  /** Relative to the folder. */
  readonly files: readonly string[];
}

/** Rows that Triton joins at most; others have limits of their own. */
const MAX_BATCH = 64;

/**
 * Writes the instrumented model as one more entry of a model repository, to stand beside the plain model. Triton reads its
 * `config.pbtxt`; other servers find what they need in the model.
 *
 * @throws ServingError FILE_NOT_FOUND, MODEL_INVALID also without a site, CONFIG_INVALID for a name that is no name of a folder.
 */
export async function writeUpstreamTarget(options: UpstreamTargetOptions): Promise<WrittenUpstream> {
  const { model, folder, sites } = options;
  const { name = `${basename(model).replace(/\.onnx$/i, '')}_taustat` } = options;
  checkName(name);
  const made = upstreamExport(await readModel(model), sites);
  if (made.sites.length === 0)
    throw new ServingError('MODEL_INVALID', `nothing in '${basename(model)}' can be pruned`);
  const config = tritonConfig({
    name,
    signature: made.signature,
    maxBatch: made.unbatchable === undefined ? MAX_BATCH : 0,
    parameters: { [DESCRIPTION_KEY]: JSON.stringify(made.description) },
  });
  const modelFolder = join(name, '1');
  const files = await writeFiles(folder, [
    [join(modelFolder, 'model.onnx'), (path) => writeFile(path, made.bytes)],
    ...copies(made.externalFiles, dirname(model), modelFolder),
    [join(name, 'config.pbtxt'), (path) => writeFile(path, config)],
    descriptionFile(name, made.description),
  ]);
  return { ...made, name, files };
}

/** For servers that tell nothing of a model's configuration. */
function descriptionFile(entry: string, description: Description): FileToWrite {
  const text = `${JSON.stringify(description, null, 2)}\n`;
  return [join(entry, 'taustat.json'), (path) => writeFile(path, text)];
}

function checkName(name: string): void {
  if (!/^[\w.-]+$/.test(name) || /^\.+$/.test(name))
    throw new ServingError('CONFIG_INVALID', `name '${name}': expected letters, digits, '.', '_' and '-'`);
}

/** A path below the folder, and what writes it. */
type FileToWrite = readonly [string, (path: string) => Promise<void>];

function copies(files: readonly string[], from: string, to: string): readonly FileToWrite[] {
  return files.map((file) => [join(to, file), (path) => copyFile(join(from, file), path)]);
}

/** @returns the paths, relative to the folder. */
async function writeFiles(folder: string, files: readonly FileToWrite[]): Promise<readonly string[]> {
  for (const [file, write] of files) {
    const path = join(folder, file);
    try {
      await mkdir(dirname(path), { recursive: true });
      await write(path);
    } catch (error) {
      throw new ServingError('FILE_NOT_FOUND', `'${path}' cannot be written: ${messageOf(error)}`);
    }
  }
  return files.map(([file]) => file);
}

/** @throws ServingError MODEL_INVALID for a tensor of unknown rank, which Triton cannot be told of. */
function tritonConfigOf(made: SparseExport, name: string, servedFrom: string): string {
  const { input, output } = made.model.graph;
  for (const { name: tensor, type } of [...input, ...output])
    if (type?.value.case === 'tensorType' && type.value.value.shape === undefined)
      throw new ServingError(
        'MODEL_INVALID',
        `'${tensor}' has no shape in the model, and Triton needs one: declare it, with a name where a size varies`,
      );
  const { signature, description, unbatchable } = made.server!;
  return tritonConfig({
    name,
    signature,
    maxBatch: unbatchable === undefined ? MAX_BATCH : 0,
    parameters: { [DESCRIPTION_KEY]: JSON.stringify(description) },
    library: posix.join(servedFrom, name, LIBRARY),
  });
}
