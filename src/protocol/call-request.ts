/** A request as code of the same process makes it: what it leaves out is filled in from the model, what it holds is checked. */
import { ServingError } from '../config/errors.ts';
import { checkedInputs, checkedOutputs } from './arrived-request.ts';
import { allocateElements, type FixedSizeDatatype } from './datatypes.ts';
import type { DecodeLimits } from './decode-request.ts';
import type { JsonValue } from './json/json-reader.ts';
import { checkReserved, readParameters } from './parameters.ts';
import { quoted } from './quoted.ts';
import { deduceShape, wrongCount } from './shape.ts';
import type { Datatype, InferRequest, ModelMetadata, Parameters, Tensor, TensorElements } from './types.ts';
import { checkBatch, inputSpec } from './validate.ts';

/** A tensor, or as much of it as the model does not say. */
export interface CallInput {
  readonly name: string;
  /** By default the model's. */
  readonly datatype?: Datatype;
  /** By default the model's, its one variable dimension as long as the elements make it. */
  readonly shape?: readonly number[];
  /** As of a `Tensor`, or plain values: numbers, bigints, booleans, or for BYTES strings. */
  readonly elements: TensorElements | readonly (number | bigint | boolean | string)[];
}

/** A request to `infer()` of the library; what it leaves out is filled in. */
export interface CallRequest {
  readonly id?: string | undefined;
  readonly parameters?: Parameters | undefined;
  readonly inputs: readonly CallInput[];
  /** Names, or names with parameters; by default all outputs. */
  readonly outputs?:
    | readonly (string | { readonly name: string; readonly parameters?: Parameters })[]
    | undefined;
}

function invalid(message: string): ServingError {
  return new ServingError('INVALID_REQUEST', message);
}

/** @throws ServingError INVALID_REQUEST for whatever the model could not be run on. */
export function requestOfCall(call: CallRequest, model: ModelMetadata, limits: DecodeLimits): InferRequest {
  if (!isObject(call)) throw invalid('request: expected an object');
  const { id, inputs, outputs } = call;
  if (id !== undefined && typeof id !== 'string') throw invalid("request: 'id' must be a string");
  const parameters = parametersOf(call.parameters, 'request');
  checkReserved(parameters);
  const tensors = inputsOf(inputs, model);
  checkBatch(model, tensors, limits.maxBatch);
  return {
    parameters,
    inputs: tensors,
    ...(id === undefined ? {} : { id }),
    ...(outputs === undefined ? {} : { outputs: outputsOf(outputs, model) }),
  };
}

function inputsOf(inputs: unknown, model: ModelMetadata): readonly Tensor[] {
  if (!Array.isArray(inputs) || inputs.length === 0)
    throw invalid("request: 'inputs' must be a non-empty array");
  return checkedInputs(
    (inputs as readonly CallInput[]).map((input) => {
      const name = nameOf(input, 'input');
      const spec = inputSpec(model, name);
      const label = `input '${name}'`;
      const { elements, datatype = spec.datatype } = input;
      if (!Array.isArray(elements) && !(ArrayBuffer.isView(elements) && 'length' in elements))
        throw invalid(`${label}: 'elements' must be a typed array or an array`);
      return {
        name,
        datatype,
        shape: input.shape ?? deduceShape(spec, elements.length),
        readElements: (_label, _datatype, shape, count) => {
          if (elements.length !== count) throw wrongCount({ label, shape, count }, elements.length);
          return elementsOf(label, spec.datatype, elements);
        },
      };
    }),
    model,
  );
}

function elementsOf(label: string, datatype: Datatype, elements: CallInput['elements']): TensorElements {
  if (datatype === 'BYTES') return (elements as readonly unknown[]).map((element) => bytesOf(label, element));
  const own = allocateElements(datatype, elements.length);
  if (elements.constructor === own.constructor) return elements as TensorElements;
  if (datatype === 'FP16' || datatype === 'BF16')
    throw invalid(`${label}: ${datatype} takes a Uint16Array, of the bits of its elements`);
  for (let i = 0; i < elements.length; i++) own[i] = elementOf(label, datatype, elements[i], i) as never;
  const isExact = datatype === 'FP32' || datatype === 'FP64';
  for (let i = 0; i < elements.length && !isExact; i++) {
    if (Number(own[i]) !== Number(elements[i]) || (datatype === 'BOOL' && Number(own[i]) > 1))
      throw invalid(`${label}: element ${i} is ${String(elements[i])}, beyond ${datatype}`);
  }
  return own;
}

function elementOf(label: string, datatype: FixedSizeDatatype, value: unknown, index: number): unknown {
  const isBig = datatype === 'INT64' || datatype === 'UINT64';
  if (typeof value === 'number' || typeof value === 'boolean' || typeof value === 'bigint') {
    if (!isBig) return Number(value);
    if (typeof value === 'bigint') {
      const held = datatype === 'INT64' ? BigInt.asIntN(64, value) : BigInt.asUintN(64, value);
      if (held === value) return value;
    } else if (Number.isSafeInteger(Number(value))) return BigInt(value);
  }
  throw invalid(`${label}: element ${index} is ${quoted(String(value))}, which is no ${datatype}`);
}

function bytesOf(label: string, element: unknown): Uint8Array {
  if (typeof element === 'string') return Buffer.from(element);
  if (element instanceof Uint8Array) return element;
  throw invalid(`${label}: elements of BYTES are strings or Uint8Arrays`);
}

function outputsOf(outputs: unknown, model: ModelMetadata) {
  if (!Array.isArray(outputs)) throw invalid("request: 'outputs' must be an array");
  return checkedOutputs(
    outputs.map((output: unknown) => {
      const asked = typeof output === 'string' ? { name: output } : output;
      const name = nameOf(asked, 'output');
      const { parameters } = asked as { readonly parameters?: unknown };
      return { name, readParameters: (label: string) => parametersOf(parameters, label) };
    }),
    model,
  );
}

function nameOf(value: unknown, kind: 'input' | 'output'): string {
  const name = isObject(value) ? (value as { readonly name?: unknown }).name : undefined;
  if (typeof name === 'string' && name !== '') return name;
  throw invalid(`${kind}: 'name' must be a non-empty string`);
}

function parametersOf(value: unknown, where: string): Parameters {
  if (value === undefined) return readParameters(undefined, where);
  return readParameters(isObject(value) ? new Map(Object.entries(value)) : (null as JsonValue), where);
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
