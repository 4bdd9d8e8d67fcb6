import { ServingError } from '../config/errors.ts';
import { isDatatype } from './datatypes.ts';
import { type JsonValue, readJson } from './json/json-reader.ts';
import { readParameters } from './parameters.ts';
import { asObject, BinarySection, nameOf, readElements } from './read-tensor.ts';
import { checkedCount, shapeOf } from './shape.ts';
import type { InferResponse, Tensor } from './types.ts';

function invalid(message: string): ServingError {
  return new ServingError('INVALID_REQUEST', message);
}

/**
 * Decodes a response, as a client does. Elements may share memory with `body`.
 *
 * @param headerLength - the response's `Inference-Header-Content-Length`; undefined when all of it is JSON.
 * @throws ServingError INVALID_REQUEST for a body that is not a v2 response.
 */
export function decodeInferResponse(body: Uint8Array, headerLength: number | undefined): InferResponse {
  const jsonLength = headerLength ?? body.byteLength;
  const { text, root: value } = readJson(body.subarray(0, jsonLength), 'outputs');
  const root = asObject(value, 'response');
  const binary = new BinarySection(body.subarray(jsonLength));
  const items = root.get('outputs');
  if (!Array.isArray(items)) throw invalid("response: 'outputs' must be an array");
  const outputs = items.map((item: JsonValue) => readOutput(item, text, binary));
  binary.checkSpent();
  const id = root.get('id');
  return {
    modelName: textOf(root.get('model_name')),
    modelVersion: textOf(root.get('model_version')),
    parameters: readParameters(root.get('parameters'), 'response'),
    outputs,
    ...(id === undefined ? {} : { id: textOf(id) }),
  };
}

function textOf(value: JsonValue | undefined): string {
  if (value === undefined || typeof value === 'string') return value ?? '';
  throw invalid('response: expected a string');
}

function readOutput(item: JsonValue, text: string, binary: BinarySection): Tensor {
  const object = asObject(item, "response: 'outputs'");
  const name = nameOf(object, 'output');
  const source = { label: `output '${name}'`, object, text, binary };
  const datatype = object.get('datatype');
  if (typeof datatype !== 'string' || !isDatatype(datatype))
    throw invalid(`${source.label}: unknown datatype`);
  const shape = shapeOf(object.get('shape'), source.label);
  const count = checkedCount(source.label, datatype, shape);
  return { name, datatype, shape, elements: readElements(source, datatype, shape, count) };
}
