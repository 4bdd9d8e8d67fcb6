/** Checks of a request against what the model declares. */
import { ServingError } from '../config/errors.ts';
import { isDatatype } from './datatypes.ts';
import { quoted } from './quoted.ts';
import { formatShape } from './shape.ts';
import type { ModelMetadata, Tensor, TensorSpec } from './types.ts';

function invalid(message: string): ServingError {
  return new ServingError('INVALID_REQUEST', message);
}

/** @throws ServingError INVALID_REQUEST when the model has no such input. */
export function inputSpec(model: ModelMetadata, name: string): TensorSpec {
  for (const spec of model.inputs) if (spec.name === name) return spec;
  const { optionalInputs = [] } = model;
  for (const spec of optionalInputs) if (spec.name === name) return spec;
  const taken = names([...model.inputs, ...optionalInputs]);
  throw invalid(`unexpected input ${quoted(name)}: model '${model.name}' takes ${taken}`);
}

/** @throws ServingError INVALID_REQUEST when the model has no such output. */
export function outputSpec(model: ModelMetadata, name: string): TensorSpec {
  for (const spec of model.outputs) if (spec.name === name) return spec;
  throw invalid(`unexpected output ${quoted(name)}: model '${model.name}' gives ${names(model.outputs)}`);
}

function names(specs: readonly TensorSpec[]): string {
  return specs.map((spec) => quoted(spec.name)).join(', ');
}

/** @throws ServingError INVALID_REQUEST for another datatype than the model's. */
export function checkDatatype(value: unknown, spec: TensorSpec): void {
  if (value === spec.datatype) return;
  if (typeof value !== 'string') throw invalid(`input '${spec.name}': 'datatype' must be a string`);
  const problem = isDatatype(value) ? 'unexpected' : 'unknown';
  throw invalid(`input '${spec.name}': ${problem} datatype ${quoted(value)}, expected ${spec.datatype}`);
}

/** @throws ServingError INVALID_REQUEST for a name that occurs twice. */
export function checkUnique(kind: 'input' | 'output', tensors: readonly { readonly name: string }[]): void {
  if (tensors.length < 2) return;
  const seen = new Set<string>();
  for (const { name } of tensors) {
    if (seen.has(name)) throw invalid(`${kind} ${quoted(name)} occurs twice`);
    seen.add(name);
  }
}

/** @throws ServingError INVALID_REQUEST for an input of the model that the request lacks. */
export function checkComplete(model: ModelMetadata, inputs: readonly Tensor[]): void {
  if (inputs.length === model.inputs.length && model.optionalInputs === undefined) return;
  for (const spec of model.inputs) {
    if (!inputs.some((input) => input.name === spec.name)) {
      throw invalid(`missing input '${spec.name}': model '${model.name}' takes ${names(model.inputs)}`);
    }
  }
}

/**
 * Checks that dimensions of one name have one size, and the size of the batch where a maximum is configured.
 *
 * A configured maximum says that dimension 0 of every input is the batch.
 *
 * @throws ServingError INVALID_REQUEST
 */
export function checkBatch(
  model: ModelMetadata,
  inputs: readonly Tensor[],
  maxBatch: number | undefined,
): void {
  const sizes = new Map<string, { readonly size: number; readonly input: string }>();
  for (const input of inputs) {
    const spec = inputSpec(model, input.name);
    const isOptional = model.optionalInputs?.includes(spec) === true;
    for (const [axis, size] of input.shape.entries()) {
      const isBatch = axis === 0 && maxBatch !== undefined && spec.shape[0] === -1 && !isOptional;
      const name = isBatch ? 'batch' : spec.dimensionNames?.[axis];
      if (name === undefined) continue;
      const key = isBatch ? ' batch' : name;
      const first = sizes.get(key);
      if (first === undefined) sizes.set(key, { size, input: input.name });
      else if (first.size !== size) {
        throw invalid(
          `input '${input.name}': dimension ${axis} (${name}) is ${size}, input '${first.input}' has ${first.size}`,
        );
      }
      if (isBatch && size > maxBatch) {
        throw invalid(
          `input '${input.name}': batch of ${size} in shape ${formatShape(input.shape)}, the maximum is ${maxBatch}`,
        );
      }
    }
  }
}
