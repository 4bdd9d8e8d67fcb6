/**
 * Reads the JSON of a request or response, strictly, without touching the elements of its tensors.
 *
 * A tensor's `data` may come before the `datatype` that says how to read it, and may be most of the text, so its array
 * is kept as a span of the text. Everything else is small. Refused, beyond what is not JSON: a key that occurs twice in
 * one object, nesting deeper than 100, an integer of more than 64 bits, a number that overflows float64, and more of
 * anything than `counts.ts` allows. An integer that float64 does not hold exactly is a bigint.
 */
import { ServingError } from '../../config/errors.ts';
import { MAX_PARAMETERS, MAX_RANK, MAX_TENSORS, MAX_VALUES, tooMany } from '../counts.ts';
import { quoted } from '../quoted.ts';
import { decodeText, endOfNumber, endOfString, malformed, skipSpace, stringBetween } from './json-text.ts';

export const MAX_DEPTH = 100;
/** root object, list of tensors, tensor */
const TENSOR_DEPTH = 3;
/** Of INT64 and UINT64. */
const LEAST_INTEGER = -(2n ** 63n);
const MOST_INTEGER = 2n ** 64n - 1n;
const LONGEST_INTEGER = String(MOST_INTEGER).length;

/** An array that was left unread: `text.slice(start, end)` has matching brackets, nothing more is known. */
export class JsonSpan {
  readonly start: number;
  readonly end: number;
  constructor(start: number, end: number) {
    this.start = start;
    this.end = end;
  }
}

export type JsonObject = ReadonlyMap<string, JsonValue>;
export type JsonValue =
  | null
  | boolean
  | number
  | bigint
  | string
  | readonly JsonValue[]
  | JsonObject
  | JsonSpan;

export interface JsonDocument {
  readonly text: string;
  readonly root: JsonValue;
}

/**
 * Position after the array that opens at `position`, whatever it holds.
 *
 * A flat array without strings, the usual one, is found by two searches that the engine vectorises.
 */
function endOfArray(text: string, position: number, depth: number): number {
  const close = text.indexOf(']', position);
  if (close < 0) throw malformed("']'", text, text.length);
  const inner = text.slice(position + 1, close);
  if (!inner.includes('[') && !inner.includes('"') && !inner.includes('{')) return close + 1;
  let open = 0;
  for (let at = position; at < text.length; at++) {
    const c = text.charCodeAt(at);
    if (c === 34) at = endOfString(text, at) - 1;
    else if (c === 91) {
      open++;
      if (depth + open > MAX_DEPTH) throw tooDeep();
    } else if (c === 93) {
      open--;
      if (open === 0) return at + 1;
    }
  }
  throw malformed("']'", text, text.length);
}

/** Most items of an array, or members of an object, by the key that it stands under. */
function mostUnder(key: string, depth: number): number {
  if (key === 'parameters') return MAX_PARAMETERS;
  if (key === 'shape') return MAX_RANK;
  return depth === 1 && (key === 'inputs' || key === 'outputs') ? MAX_TENSORS : MAX_VALUES;
}

function tooDeep(): ServingError {
  return new ServingError('INVALID_REQUEST', `malformed JSON: nested deeper than ${MAX_DEPTH}`);
}

class Reader {
  readonly #text: string;
  readonly #tensorsKey: string | undefined;
  #at = 0;
  #values = 0;
  #isInTensors = false;

  constructor(text: string, tensorsKey: string | undefined) {
    this.#text = text;
    this.#tensorsKey = tensorsKey;
  }

  readRoot(): JsonValue {
    this.#at = skipSpace(this.#text, 0);
    const root = this.#readValue(0, '');
    this.#at = skipSpace(this.#text, this.#at);
    if (this.#at < this.#text.length) throw malformed('the end of the text', this.#text, this.#at);
    return root;
  }

  /** @param key - what the value stands under, in the object at `depth`. */
  #readValue(depth: number, key: string): JsonValue {
    if (++this.#values > MAX_VALUES) throw tooMany('values in one request', MAX_VALUES);
    switch (this.#text.charCodeAt(this.#at)) {
      case 123:
        return this.#readObject(depth + 1, key);
      case 91:
        return this.#readArray(depth + 1, key);
      case 34:
        return this.#readString();
      case 116:
        return this.#readWord('true', true);
      case 102:
        return this.#readWord('false', false);
      case 110:
        return this.#readWord('null', null);
      default:
        return this.#readNumber();
    }
  }

  #readObject(depth: number, under: string): JsonObject {
    if (depth > MAX_DEPTH) throw tooDeep();
    const most = mostUnder(under, depth - 1);
    const members = new Map<string, JsonValue>();
    this.#next();
    if (this.#isAt(125)) return this.#closed(members);
    for (;;) {
      if (members.size === most) throw tooMany(`members in one '${under}'`, most);
      if (!this.#isAt(34)) throw malformed('a key', this.#text, this.#at);
      const key = this.#readString();
      if (members.has(key))
        throw new ServingError('INVALID_REQUEST', `key ${quoted(key)} occurs twice in one object`);
      this.#at = skipSpace(this.#text, this.#at);
      if (!this.#isAt(58)) throw malformed("':'", this.#text, this.#at);
      this.#next();
      members.set(key, this.#readMember(key, depth));
      this.#at = skipSpace(this.#text, this.#at);
      if (this.#isAt(125)) return this.#closed(members);
      if (!this.#isAt(44)) throw malformed("',' or '}'", this.#text, this.#at);
      this.#next();
    }
  }

  #readMember(key: string, depth: number): JsonValue {
    if (depth === 1) this.#isInTensors = key === this.#tensorsKey;
    if (depth !== TENSOR_DEPTH || key !== 'data' || !this.#isInTensors || !this.#isAt(91)) {
      return this.#readValue(depth, key);
    }
    const start = this.#at;
    this.#at = endOfArray(this.#text, start, depth);
    return new JsonSpan(start, this.#at);
  }

  #readArray(depth: number, under: string): readonly JsonValue[] {
    if (depth > MAX_DEPTH) throw tooDeep();
    const most = mostUnder(under, depth - 1);
    const items: JsonValue[] = [];
    this.#next();
    if (this.#isAt(93)) return this.#closed(items);
    for (;;) {
      if (items.length === most) throw tooMany(`items in one '${under}'`, most);
      items.push(this.#readValue(depth, ''));
      this.#at = skipSpace(this.#text, this.#at);
      if (this.#isAt(93)) return this.#closed(items);
      if (!this.#isAt(44)) throw malformed("',' or ']'", this.#text, this.#at);
      this.#next();
    }
  }

  #readString(): string {
    const start = this.#at;
    this.#at = endOfString(this.#text, start);
    return stringBetween(this.#text, start, this.#at);
  }

  #readNumber(): number | bigint {
    const start = this.#at;
    const end = endOfNumber(this.#text, start);
    if (end < 0) throw malformed('a value', this.#text, start);
    this.#at = end;
    const token = this.#text.slice(start, end);
    const value = Number(token);
    if (Number.isSafeInteger(value) || (Number.isFinite(value) && /[.eE]/.test(token))) return value;
    const integer = /[.eE]/.test(token) || token.length > LONGEST_INTEGER ? undefined : BigInt(token);
    if (integer !== undefined && integer >= LEAST_INTEGER && integer <= MOST_INTEGER) return integer;
    throw new ServingError('INVALID_REQUEST', `number ${token.slice(0, 40)} is out of range`);
  }

  #readWord<T>(word: string, value: T): T {
    if (!this.#text.startsWith(word, this.#at)) throw malformed('a value', this.#text, this.#at);
    this.#at += word.length;
    return value;
  }

  #isAt(c: number): boolean {
    return this.#text.charCodeAt(this.#at) === c;
  }

  #next(): void {
    this.#at = skipSpace(this.#text, this.#at + 1);
  }

  #closed<T>(value: T): T {
    this.#at++;
    return value;
  }
}

/**
 * Reads one JSON document.
 *
 * @param tensorsKey - the root's member whose items are tensors ('inputs' of a request, 'outputs' of a response); the
 *   `data` arrays of these are kept as spans.
 * @throws ServingError INVALID_REQUEST, with the position.
 */
export function readJson(bytes: Uint8Array, tensorsKey?: string): JsonDocument {
  const text = decodeText(bytes);
  return { text, root: new Reader(text, tensorsKey).readRoot() };
}
