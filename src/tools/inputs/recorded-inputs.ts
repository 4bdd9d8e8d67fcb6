import { bundledModel } from '../../config/bundled-model.ts';
import { ServingError } from '../../config/errors.ts';
import type { TensorSpec } from '../../protocol/types.ts';
import { type InputRows, inputRows } from './input-rows.ts';
import { type NpyArray, readNpy } from './npy.ts';

/** Where a command's recorded inputs come from. */
export interface InputSource {
  /** ONNX file; without one, the bundled model. */
  readonly model?: string | undefined;
  /** `.npy` files as `x.npy` or `name=x.npy`, or arrays by input name; for the bundled model its own inputs. */
  readonly inputs?: readonly string[] | Readonly<Record<string, NpyArray>> | undefined;
}

/** Whether the recordings that come with the bundled model are meant. */
export function areBundled({ model, inputs }: InputSource): boolean {
  return model === undefined && inputs === undefined;
}

/**
 * Reads recorded inputs and fits them to a model's inputs.
 *
 * @throws ServingError FILE_NOT_FOUND, or INVALID_REQUEST for inputs that are missing, given twice, empty, or do not fit.
 */
export async function recordedInputs(specs: readonly TensorSpec[], source: InputSource): Promise<InputRows> {
  const given = areBundled(source) ? [bundledModel('inputs.npy')] : source.inputs;
  if (given === undefined)
    throw invalid(`no inputs: give --inputs ${specs.length > 1 ? 'name=' : ''}x.npy for ${names(specs)}`);
  const rows = inputRows(specs, await arraysOf(given, specs));
  if (rows.count === 0) throw invalid('the inputs have no rows');
  return rows;
}

async function arraysOf(
  given: NonNullable<InputSource['inputs']>,
  specs: readonly TensorSpec[],
): Promise<ReadonlyMap<string, NpyArray>> {
  if (!isList(given)) return new Map(Object.entries(given));
  const paths = new Map<string, string>();
  for (const text of given) {
    const { name, path } = assignment(text, specs);
    if (paths.has(name)) throw invalid(`--inputs '${text}': input '${name}' is given twice`);
    paths.set(name, path);
  }
  const arrays = new Map<string, NpyArray>();
  for (const [name, path] of paths) arrays.set(name, await readNpy(path));
  return arrays;
}

function isList(given: NonNullable<InputSource['inputs']>): given is readonly string[] {
  return Array.isArray(given);
}

/** `name=path` when the part before a '=' names an input, a bare path when there is only one input. */
function assignment(text: string, specs: readonly TensorSpec[]): { name: string; path: string } {
  for (const { name } of specs) {
    if (text.startsWith(`${name}=`)) return { name, path: text.slice(name.length + 1) };
  }
  if (specs.length === 1 && !/^[\w.:/-]+=/.test(text)) return { name: specs[0]!.name, path: text };
  throw invalid(`--inputs '${text}': expected name=x.npy with one of ${names(specs)}`);
}

function names(specs: readonly TensorSpec[]): string {
  return specs.map((spec) => `'${spec.name}'`).join(', ');
}

function invalid(message: string): ServingError {
  return new ServingError('INVALID_REQUEST', message);
}
