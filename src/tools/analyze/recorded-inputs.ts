import { bundledModel } from '../../config/bundled-model.ts';
import { ServingError } from '../../config/errors.ts';
import type { TensorSpec } from '../../protocol/types.ts';
import { type InputRows, inputRows } from '../inputs/input-rows.ts';
import { type NpyArray, readNpy } from '../inputs/npy.ts';
import type { AnalyzeOptions } from './options.ts';

/** The recorded inputs of an analysis, and a class for every row when there are labels. */
export interface Recorded {
  readonly rows: InputRows;
  readonly labels?: Int32Array;
}

/**
 * Reads inputs and labels and fits them to a model's inputs. The bundled model brings its own.
 *
 * @throws ServingError FILE_NOT_FOUND, or INVALID_REQUEST for what does not fit.
 */
export async function recordedInputs(
  specs: readonly TensorSpec[],
  options: AnalyzeOptions,
): Promise<Recorded> {
  const isBundled = options.model === undefined && options.inputs === undefined;
  const given = isBundled ? [bundledModel('inputs.npy')] : options.inputs;
  if (given === undefined)
    throw invalid(`no inputs: give --inputs ${specs.length > 1 ? 'name=' : ''}x.npy for ${names(specs)}`);
  const rows = inputRows(specs, await arraysOf(given, specs));
  if (rows.count === 0) throw invalid('the inputs have no rows');
  const source = isBundled ? (options.labels ?? bundledModel('labels.npy')) : options.labels;
  if (source === undefined) return { rows };
  return { rows, labels: classesOf(typeof source === 'string' ? await readNpy(source) : source, rows.count) };
}

async function arraysOf(
  given: NonNullable<AnalyzeOptions['inputs']>,
  specs: readonly TensorSpec[],
): Promise<Map<string, NpyArray>> {
  if (!isList(given)) return new Map(Object.entries(given));
  const arrays = new Map<string, NpyArray>();
  for (const text of given) {
    const { name, path } = assignment(text, specs);
    if (arrays.has(name)) throw invalid(`input '${name}' is given twice`);
    arrays.set(name, await readNpy(path));
  }
  return arrays;
}

function isList(given: NonNullable<AnalyzeOptions['inputs']>): given is readonly string[] {
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

/** One class per row. */
function classesOf({ path, shape, dtype, elements }: NpyArray, rows: number): Int32Array {
  if (!/^[iub]/.test(dtype))
    throw invalid(`labels '${path}': element type '${dtype}', expected whole numbers`);
  const isColumn = shape.length === 1 || (shape.length === 2 && shape[1] === 1);
  if (!isColumn || shape[0] !== rows)
    throw invalid(`labels '${path}': shape [${shape}], expected [${rows}], one class per row of the inputs`);
  return Int32Array.from(elements as ArrayLike<number | bigint>, Number);
}

function names(specs: readonly TensorSpec[]): string {
  return specs.map((spec) => `'${spec.name}'`).join(', ');
}

function invalid(message: string): ServingError {
  return new ServingError('INVALID_REQUEST', message);
}
