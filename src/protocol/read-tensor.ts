/** What the tensors of requests and of responses have in common when they are read. */
import { ServingError } from '../config/errors.ts';
import { decodeBinary } from './binary/binary-codec.ts';
import { readJsonElements } from './json/json-elements.ts';
import { type JsonObject, JsonSpan, type JsonValue } from './json/json-reader.ts';
import { countParameter, readParameters } from './parameters.ts';
import type { Datatype, TensorElements } from './types.ts';

function invalid(message: string): ServingError {
  return new ServingError('INVALID_REQUEST', message);
}

/** The bytes after the JSON, taken from the front by one tensor after another. */
export class BinarySection {
  readonly #bytes: Uint8Array;
  #offset = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  /** @throws ServingError INVALID_REQUEST when fewer bytes remain. */
  take(size: number, label: string): Uint8Array {
    const remaining = this.#bytes.byteLength - this.#offset;
    if (size > remaining) {
      throw invalid(`${label}: 'binary_data_size' is ${size}, ${remaining} bytes of binary data remain`);
    }
    this.#offset += size;
    return this.#bytes.subarray(this.#offset - size, this.#offset);
  }

  /** @throws ServingError INVALID_REQUEST when bytes are left over. */
  checkSpent(): void {
    const remaining = this.#bytes.byteLength - this.#offset;
    if (remaining > 0) throw invalid(`${remaining} bytes of binary data belong to no tensor`);
  }
}

/** Where one tensor is: its JSON object in a text, and the binary section that may hold its elements. */
export interface TensorSource {
  readonly label: string;
  readonly object: JsonObject;
  readonly text: string;
  readonly binary: BinarySection;
}

/** @throws ServingError INVALID_REQUEST */
export function asObject(value: JsonValue | undefined, where: string): JsonObject {
  if (value instanceof Map) return value;
  throw invalid(`${where}: expected a JSON object`);
}

/** @throws ServingError INVALID_REQUEST */
export function nameOf(tensor: JsonObject, kind: 'input' | 'output'): string {
  const name = tensor.get('name');
  if (typeof name === 'string' && name !== '') return name;
  throw invalid(`${kind}: 'name' must be a non-empty string`);
}

/**
 * The elements of a tensor, from its `data` or from the binary section.
 *
 * @param count - product of the shape.
 * @throws ServingError INVALID_REQUEST
 */
export function readElements(
  source: TensorSource,
  datatype: Datatype,
  shape: readonly number[],
  count: number,
): TensorElements {
  const { label, object, text, binary } = source;
  const size = countParameter(readParameters(object.get('parameters'), label), 'binary_data_size', label);
  const span = object.get('data');
  if (size !== undefined) {
    if (span !== undefined) throw invalid(`${label}: both 'data' and 'binary_data_size' are given`);
    return decodeBinary(label, datatype, count, binary.take(size, label));
  }
  if (span instanceof JsonSpan) return readJsonElements(datatype, { label, text, span, shape, count });
  throw invalid(`${label}: 'data' must be an array`);
}
