/** From the bytes of an infer request to checked tensors: JSON, JSON with binary data, or one raw tensor. */
import { ServingError } from '../config/errors.ts';
import { checkedInputs, checkedOutputs } from './arrived-request.ts';
import { type JsonValue, readJson } from './json/json-reader.ts';
import { checkReserved, readParameters } from './parameters.ts';
import { decodeRawRequest } from './raw-request.ts';
import { asObject, BinarySection, nameOf, readElements } from './read-tensor.ts';
import type { InferRequest, ModelMetadata, RequestedOutput, Tensor } from './types.ts';
import { checkBatch } from './validate.ts';

export interface DecodeLimits {
  /** Largest batch; with it, a variable dimension 0 of every input is the batch. Absent: no limit. */
  readonly maxBatch?: number | undefined;
}

function invalid(message: string): ServingError {
  return new ServingError('INVALID_REQUEST', message);
}

/**
 * Decodes and checks an infer request.
 *
 * Elements may share memory with `body`, which must stay untouched while they are used.
 *
 * @param headerLength - bytes of JSON before the binary data; undefined when all of the body is JSON, 0 for one raw
 *   tensor without any JSON.
 * @throws ServingError INVALID_REQUEST for whatever the model could not be run on.
 */
export function decodeInferRequest(
  body: Uint8Array,
  headerLength: number | undefined,
  model: ModelMetadata,
  limits: DecodeLimits = {},
): InferRequest {
  const request =
    headerLength === 0 ? decodeRawRequest(body, model) : decodeJsonRequest(body, headerLength, model);
  checkBatch(model, request.inputs, limits.maxBatch);
  return request;
}

function decodeJsonRequest(
  body: Uint8Array,
  headerLength: number | undefined,
  model: ModelMetadata,
): InferRequest {
  const jsonLength = headerLength ?? body.byteLength;
  if (jsonLength > body.byteLength) {
    throw invalid(`header length ${jsonLength} exceeds the body of ${body.byteLength} bytes`);
  }
  const { text, root: value } = readJson(body.subarray(0, jsonLength), 'inputs');
  const root = asObject(value, 'request');
  const id = root.get('id');
  if (id !== undefined && typeof id !== 'string') throw invalid("request: 'id' must be a string");
  const parameters = readParameters(root.get('parameters'), 'request');
  checkReserved(parameters);
  const inputs = readInputs(text, root.get('inputs'), new BinarySection(body.subarray(jsonLength)), model);
  const outputs = readOutputs(root.get('outputs'), model);
  return {
    parameters,
    inputs,
    ...(id === undefined ? {} : { id }),
    ...(outputs === undefined ? {} : { outputs }),
  };
}

function readInputs(
  text: string,
  value: JsonValue | undefined,
  binary: BinarySection,
  model: ModelMetadata,
): readonly Tensor[] {
  if (!Array.isArray(value) || value.length === 0) {
    throw invalid("request: 'inputs' must be a non-empty array");
  }
  const objects = value.map((item: JsonValue) => asObject(item, "request: 'inputs'"));
  const inputs = checkedInputs(
    objects.map((object) => ({
      name: nameOf(object, 'input'),
      datatype: object.get('datatype'),
      shape: object.get('shape'),
      readElements: (label, datatype, shape, count) =>
        readElements({ label, object, text, binary }, datatype, shape, count),
    })),
    model,
  );
  binary.checkSpent();
  return inputs;
}

function readOutputs(
  value: JsonValue | undefined,
  model: ModelMetadata,
): readonly RequestedOutput[] | undefined {
  if (value === undefined) return undefined;
  if (!Array.isArray(value)) throw invalid("request: 'outputs' must be an array");
  return checkedOutputs(
    value.map((item: JsonValue) => {
      const object = asObject(item, "request: 'outputs'");
      const readOwn = (label: string) => readParameters(object.get('parameters'), label);
      return { name: nameOf(object, 'output'), readParameters: readOwn };
    }),
    model,
  );
}
