/**
 * Reads the `data` array of one tensor from its span of the JSON text straight into elements.
 *
 * The array is flat, in row-major order, or nested exactly as the shape says; anything between is refused. Decisions:
 * BOOL takes true, false, 1 and 0. Integers are written without fraction or exponent, and are exact up to 64 bits. FP32
 * and FP64 take NaN, Infinity and -Infinity as bare words; −0 and denormals are kept; a finite number that the datatype
 * cannot hold (1e39 as FP32) is refused. FP16 and BF16 travel as binary data only.
 */
import { ServingError } from '../../config/errors.ts';
import type { Datatype, TensorElements } from '../types.ts';
import { readFloats } from './json-floats.ts';
import { readIntegers } from './json-integers.ts';
import { endOfString, malformed, stringBetween } from './json-text.ts';
import { checkSpanHolds, type JsonElements, walkElements } from './json-walk.ts';

/** The error for a datatype that JSON has no exact form for. */
export function notInJson(label: string, datatype: Datatype): ServingError {
  return new ServingError(
    'INVALID_REQUEST',
    `${label}: ${datatype} via JSON is not supported, use the binary tensor data extension`,
  );
}

/**
 * @throws ServingError INVALID_REQUEST for another number of elements than the shape's, ragged nesting, an element that
 *   the datatype cannot hold, or a datatype that JSON cannot carry.
 */
export function readJsonElements(datatype: Datatype, source: JsonElements): TensorElements {
  if (datatype === 'FP16' || datatype === 'BF16') throw notInJson(source.label, datatype);
  checkSpanHolds(source);
  switch (datatype) {
    case 'FP32':
    case 'FP64':
      return readFloats(datatype, source);
    case 'BOOL':
      return readBooleans(source);
    case 'BYTES':
      return readStrings(source);
    default:
      return readIntegers(datatype, source);
  }
}

function readBooleans(source: JsonElements): Uint8Array {
  const { text, label, count } = source;
  const elements = new Uint8Array(count);
  walkElements(source, (position, index) => {
    const isTrue = text.startsWith('true', position);
    if (isTrue || text.startsWith('false', position)) {
      elements[index] = isTrue ? 1 : 0;
      return position + (isTrue ? 4 : 5);
    }
    const c = text.charCodeAt(position);
    if (c !== 48 && c !== 49) throw malformed(`true or false in ${label}`, text, position);
    elements[index] = c - 48;
    return position + 1;
  });
  return elements;
}

const ENCODER = new TextEncoder();
const LONE_SURROGATE = /\p{Surrogate}/u;

function readStrings(source: JsonElements): readonly Uint8Array[] {
  const { text, label } = source;
  const elements: Uint8Array[] = [];
  walkElements(source, (position) => {
    if (text.charCodeAt(position) !== 34) throw malformed(`a string in ${label}`, text, position);
    const end = endOfString(text, position);
    const value = stringBetween(text, position, end);
    if (LONE_SURROGATE.test(value)) throw malformed('a string without lone surrogates', text, position);
    elements.push(ENCODER.encode(value));
    return end;
  });
  return elements;
}
