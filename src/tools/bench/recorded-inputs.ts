import { bundledModel } from '../../config/bundled-model.ts';
import { ServingError } from '../../config/errors.ts';
import { decodeModel } from '../../onnx/model-file.ts';
import { modelSignature } from '../../onnx/signature.ts';
import type { TensorSpec } from '../../protocol/types.ts';
import { readModel } from '../../runtime/local/load-model.ts';
import { type InputRows, inputRows } from '../inputs/input-rows.ts';
import { type NpyArray, readNpy } from '../inputs/npy.ts';

export interface RecordedInputs {
  readonly specs: readonly TensorSpec[];
  readonly rows: InputRows;
}

/**
 * The inputs that a model is loaded with: those that were named, or the bundled images for the bundled model.
 *
 * @param model - ONNX file; undefined for the bundled one.
 * @param named - `input=file.npy`, or just the file for a model with one input.
 * @throws ServingError FILE_NOT_FOUND, MODEL_INVALID, INVALID_REQUEST for inputs that are missing or do not fit.
 */
export async function recordedInputs(
  model: string | undefined,
  named: readonly string[],
): Promise<RecordedInputs> {
  const signature = modelSignature(decodeModel(await readModel(model ?? bundledModel('model.onnx'))));
  const specs = signature.inputs;
  if (named.length === 0 && model !== undefined) {
    const needed = specs.map(({ name, shape }) => `${name} [${shape}]`).join(', ');
    throw new ServingError(
      'INVALID_REQUEST',
      `--inputs: recorded inputs are needed, since sparsity depends on them: ${needed}`,
    );
  }
  const files = named.length === 0 ? [bundledModel('inputs.npy')] : named;
  const arrays = new Map<string, NpyArray>();
  for (const text of files) {
    const { name, path } = inputFile(text, specs);
    arrays.set(name, await readNpy(path));
  }
  return { specs, rows: inputRows(specs, arrays) };
}

/** Splits `name=path`; a bare path belongs to the only input. @throws ServingError INVALID_REQUEST */
export function inputFile(text: string, specs: readonly TensorSpec[]): { name: string; path: string } {
  const named = specs.find(({ name }) => text.startsWith(`${name}=`));
  if (named !== undefined) return { name: named.name, path: text.slice(named.name.length + 1) };
  if (specs.length === 1 && !text.includes('=')) return { name: specs[0]!.name, path: text };
  const names = specs.map(({ name }) => `'${name}'`).join(', ');
  throw new ServingError(
    'INVALID_REQUEST',
    `--inputs: '${text}' names no input of the model, which has ${names}`,
  );
}
