import { copyFile, mkdir, writeFile } from 'node:fs/promises';
import { basename, dirname, join, posix, resolve } from 'node:path';
import { messageOf, ServingError } from '../../config/errors.ts';
import { tryNative } from '../../runtime/local/native/load.ts';
import { pythonReadme } from './python-readme.ts';
import { type SparseExport, type SparseExportOptions, sparseExport } from './sparse-export.ts';
import { tritonConfig } from './triton-config.ts';

export const TARGETS = ['triton', 'onnxruntime'] as const;
export type Target = (typeof TARGETS)[number];

export interface TargetOptions extends SparseExportOptions {
  readonly target: Target;
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
  if (!/^[\w.-]+$/.test(name) || /^\.+$/.test(name))
    throw new ServingError('CONFIG_INVALID', `name '${name}': expected letters, digits, '.', '_' and '-'`);
  const native = await tryNative();
  if (native.kind === 'unavailable')
    throw new ServingError('UNAVAILABLE', `no operators to write: ${native.reason}: ${native.howTo}`);
  const made = await sparseExport(options);
  const [entry, modelFolder] = target === 'triton' ? [name, join(name, '1')] : ['', ''];
  const page = target === 'triton' ? 'config.pbtxt' : 'README.md';
  const text =
    target === 'triton'
      ? tritonConfigOf(made, name, servedFrom ?? resolve(folder))
      : pythonReadme({ ...made, library: LIBRARY, platform: `${process.platform}-${process.arch}` });
  const writes: readonly (readonly [string, (path: string) => Promise<void>])[] = [
    [join(modelFolder, 'model.onnx'), (path) => writeFile(path, made.bytes)],
    ...made.externalFiles.map(
      (file) =>
        [join(modelFolder, file), (path: string) => copyFile(join(dirname(model), file), path)] as const,
    ),
    [join(entry, LIBRARY), (path) => copyFile(native.binaryPath, path)],
    [join(entry, page), (path) => writeFile(path, text)],
  ];
  for (const [file, write] of writes) {
    const path = join(folder, file);
    try {
      await mkdir(dirname(path), { recursive: true });
      await write(path);
    } catch (error) {
      throw new ServingError('FILE_NOT_FOUND', `'${path}' cannot be written: ${messageOf(error)}`);
    }
  }
  return { ...made, files: writes.map(([file]) => file) };
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
  return tritonConfig({ ...made, name, library: posix.join(servedFrom, name, LIBRARY) });
}
