import { ServingError } from '../../config/errors.ts';
import type { ModelSignature } from '../../onnx/signature.ts';
import type { Tensor, TensorSpec } from '../../protocol/types.ts';

/** The recurrent state of a model: inputs that the outputs of the previous run feed. */
export interface ModelState {
  /** Output by the input that it feeds. */
  readonly links: ReadonlyMap<string, string>;
  /** Rows of one sequence; each sequence begins with the initial state. */
  readonly sequenceRows: number;
}

/**
 * Checks links of inputs to outputs.
 *
 * @param links - as `input=output`.
 * @param sequenceRows - undefined: all rows are one sequence.
 * @returns undefined without links.
 * @throws ServingError INVALID_REQUEST for names that the model lacks, and for tensors that do not fit each other.
 */
export function modelState(
  { inputs, outputs }: Pick<ModelSignature, 'inputs' | 'outputs'>,
  links: readonly string[] = [],
  sequenceRows?: number,
): ModelState | undefined {
  if (links.length === 0) {
    if (sequenceRows !== undefined) throw invalid('a sequence length needs recurrent state: give --state');
    return undefined;
  }
  const found = new Map<string, string>();
  for (const text of links) {
    const input = inputs.find(({ name }) => text.startsWith(`${name}=`));
    const output = outputs.find(({ name }) => text === `${input?.name}=${name}`);
    if (input === undefined || output === undefined)
      throw invalid(
        `state '${text}': expected input=output with an input of ${names(inputs)} and an output of ${names(outputs)}`,
      );
    if (found.has(input.name)) throw invalid(`state '${text}': input '${input.name}' is given twice`);
    if (!isFit(input, output))
      throw invalid(
        `state '${text}': the output is ${output.datatype} [${output.shape}], the input ${input.datatype} [${input.shape}]`,
      );
    found.set(input.name, output.name);
  }
  return { links: found, sequenceRows: sequenceRows ?? Number.POSITIVE_INFINITY };
}

/** The inputs of a run, with the state that the previous run of the same sequence has left. */
export function withState(
  inputs: readonly Tensor[],
  { links, sequenceRows }: ModelState,
  previous: readonly Tensor[],
  fromRow: number,
): readonly Tensor[] {
  if (fromRow % sequenceRows === 0) return inputs;
  return inputs.map((input) => {
    const output = previous.find(({ name }) => name === links.get(input.name));
    return output === undefined ? input : { ...copyOf(output), name: input.name };
  });
}

/** Outputs may be kept by others, and inputs move to a worker. */
function copyOf(tensor: Tensor): Tensor {
  return { ...tensor, elements: tensor.elements.slice() as Tensor['elements'] };
}

function isFit(input: TensorSpec, output: TensorSpec): boolean {
  return (
    input.datatype === output.datatype &&
    input.shape.length === output.shape.length &&
    input.shape.every((size, axis) => size < 0 || output.shape[axis]! < 0 || size === output.shape[axis])
  );
}

function names(specs: readonly TensorSpec[]): string {
  return specs.map(({ name }) => `'${name}'`).join(', ');
}

function invalid(message: string): ServingError {
  return new ServingError('INVALID_REQUEST', message);
}
