import { ServingError } from '../../config/errors.ts';
import { allocateElements, type NumericElements } from '../datatypes.ts';
import { malformed } from './json-text.ts';
import { type JsonElements, walkElements } from './json-walk.ts';

export type IntegerDatatype = 'UINT8' | 'UINT16' | 'UINT32' | 'UINT64' | 'INT8' | 'INT16' | 'INT32' | 'INT64';

/** Digits that a number always holds exactly. */
const EXACT_DIGITS = 15;

/** Smallest and largest value of an integer datatype. */
function rangeOf(datatype: IntegerDatatype): readonly [bigint, bigint] {
  const bits = BigInt(datatype.replace(/\D/g, ''));
  return datatype.startsWith('U')
    ? [0n, (1n << bits) - 1n]
    : [-(1n << (bits - 1n)), (1n << (bits - 1n)) - 1n];
}

/** Writes a value, known to fit, as element `index`. */
type StoreInteger = (index: number, value: number) => void;

/** 64-bit elements are stored as two words: making a BigInt of every number would cost more than reading it. */
function storeInto(elements: NumericElements): StoreInteger {
  if (elements instanceof BigInt64Array || elements instanceof BigUint64Array) {
    const words = new Int32Array(elements.buffer, elements.byteOffset, elements.length * 2);
    return (index, value) => {
      words[2 * index] = value;
      words[2 * index + 1] = Math.floor(value / 2 ** 32);
    };
  }
  return (index, value) => {
    elements[index] = value;
  };
}

/**
 * Integer elements of a JSON array, exact up to 64 bits.
 *
 * @throws ServingError INVALID_REQUEST for a fraction, an exponent, or a value outside the datatype; never wraps.
 */
export function readIntegers(datatype: IntegerDatatype, source: JsonElements): NumericElements {
  const { text, label, count } = source;
  const elements = allocateElements(datatype, count);
  const store = storeInto(elements);
  const [least, most] = rangeOf(datatype);
  const leastNumber = Number(least);
  const mostNumber = Number(most);

  function outOfRange(index: number, token: string): ServingError {
    return new ServingError(
      'INVALID_REQUEST',
      `${label}: element ${index} is ${token.slice(0, 40)}, ${datatype} holds ${least} to ${most}`,
    );
  }

  function storeLong(index: number, token: string): void {
    const value = token.length > 32 ? most + 1n : BigInt(token);
    if (value < least || value > most) throw outOfRange(index, token);
    if (elements instanceof BigInt64Array || elements instanceof BigUint64Array) elements[index] = value;
    else elements[index] = Number(value);
  }

  walkElements(source, (position, index) => {
    const isNegative = text.charCodeAt(position) === 45;
    const start = isNegative ? position + 1 : position;
    let at = start;
    let magnitude = 0;
    let c = text.charCodeAt(at);
    while (c >= 48 && c <= 57) {
      magnitude = magnitude * 10 + (c - 48);
      c = text.charCodeAt(++at);
    }
    const digits = at - start;
    if (digits === 0 || (digits > 1 && text.charCodeAt(start) === 48)) {
      throw malformed(`an integer in ${label}`, text, position);
    }
    if (c === 46 || c === 101 || c === 69) {
      throw malformed(`an integer without fraction or exponent in ${label}`, text, position);
    }
    if (digits > EXACT_DIGITS) storeLong(index, text.slice(position, at));
    else {
      const value = isNegative ? -magnitude : magnitude;
      if (value < leastNumber || value > mostNumber) throw outOfRange(index, String(value));
      store(index, value);
    }
    return at;
  });
  return elements;
}
