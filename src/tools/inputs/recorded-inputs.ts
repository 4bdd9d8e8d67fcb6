import { bundledModel } from '../../config/bundled-model.ts';
import { ServingError } from '../../config/errors.ts';
import type { ModelSignature } from '../../onnx/signature.ts';
import type { TensorSpec } from '../../protocol/types.ts';
import { type InputRows, inputRows, type Recording } from './input-rows.ts';
import { modelState } from './model-state.ts';
import { type NpyArray, readNpy } from './npy.ts';
import { readNpz } from './npz.ts';

type Signature = Pick<ModelSignature, 'inputs' | 'outputs'>;

/** Where a command's recorded inputs come from. */
export interface InputSource {
  /** ONNX file; without one, the bundled model. */
  readonly model?: string | undefined;
  /**
   * `.npy` files as `x.npy` or `name=x.npy`, one `.npz` file, or arrays by input name; for the bundled model its own inputs.
   */
  readonly inputs?: readonly string[] | Readonly<Record<string, NpyArray>> | undefined;
  /** Axes along which rows are stacked, as `1` or `name=1`; see `batchAxes` for the default. */
  readonly batchAxes?: readonly string[] | undefined;
  /** Recurrent state, as `input=output`: the output feeds the input of the next run. */
  readonly state?: readonly string[] | undefined;
  /** Rows of one sequence, each of which begins with the initial state; by default all rows are one. */
  readonly sequence?: number | undefined;
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
export async function recordedInputs(
  { inputs: specs, outputs }: Signature,
  source: InputSource,
): Promise<InputRows> {
  const given = areBundled(source) ? [bundledModel('inputs.npy')] : source.inputs;
  if (given === undefined)
    throw invalid(`no inputs: give --inputs ${specs.length > 1 ? 'name=' : ''}x.npy for ${names(specs)}`);
  const state = modelState({ inputs: specs, outputs }, source.state, source.sequence);
  const layout = { batchAxes: givenAxes(specs, source), state };
  const rows = inputRows(specs, await recordingOf(given, specs), layout);
  if (rows.count === 0) throw invalid('the inputs have no rows');
  return rows;
}

async function recordingOf(
  given: NonNullable<InputSource['inputs']>,
  specs: readonly TensorSpec[],
): Promise<Recording> {
  if (!isList(given)) return new Map(Object.entries(given));
  const [archive, ...others] = given.filter((text) => isArchive(text));
  if (archive !== undefined) {
    if (given.length > 1)
      throw invalid(
        `--inputs '${others[0] ?? given.find((text) => text !== archive)}': an .npz file holds all inputs`,
      );
    return readNpz(archive);
  }
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

function isArchive(text: string): boolean {
  return /\.npz$/i.test(text);
}

/** The batch axes of a source, by input name. @throws ServingError INVALID_REQUEST */
export function givenAxes(
  specs: readonly TensorSpec[],
  { batchAxes = [] }: Pick<InputSource, 'batchAxes'>,
): ReadonlyMap<string, number> {
  return new Map(
    batchAxes.map((text) => {
      const { name, path } = assignment(text, specs, '--batch-axis', 'name=axis');
      if (!/^\d+$/.test(path)) throw invalid(`--batch-axis '${text}': expected a whole number from 0`);
      return [name, Number(path)];
    }),
  );
}

/** `name=path` when the part before a '=' names an input, a bare path when there is only one input. */
function assignment(
  text: string,
  specs: readonly TensorSpec[],
  flag = '--inputs',
  form = 'name=x.npy',
): { name: string; path: string } {
  for (const { name } of specs) {
    if (text.startsWith(`${name}=`)) return { name, path: text.slice(name.length + 1) };
  }
  if (specs.length === 1 && !/^[\w.:/-]+=/.test(text)) return { name: specs[0]!.name, path: text };
  throw invalid(`${flag} '${text}': expected ${form} with one of ${names(specs)}`);
}

function names(specs: readonly TensorSpec[]): string {
  return specs.map((spec) => `'${spec.name}'`).join(', ');
}

function invalid(message: string): ServingError {
  return new ServingError('INVALID_REQUEST', message);
}
