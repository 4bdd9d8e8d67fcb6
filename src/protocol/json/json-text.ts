import { ServingError } from '../../config/errors.ts';

const DECODER = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** A malformed JSON text: what was expected, and where. */
export function malformed(expected: string, text: string, position: number): ServingError {
  const found = position < text.length ? `found '${text.slice(position, position + 12)}'` : 'the text ends';
  return new ServingError(
    'INVALID_REQUEST',
    `malformed JSON at character ${position}: expected ${expected}, ${found}`,
  );
}

/**
 * The text of UTF-8 bytes.
 *
 * @throws ServingError INVALID_REQUEST for a byte-order mark or bytes that are not UTF-8.
 */
export function decodeText(bytes: Uint8Array): string {
  if (bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf) {
    throw new ServingError('INVALID_REQUEST', 'malformed JSON: a byte-order mark is not allowed');
  }
  try {
    return DECODER.decode(bytes);
  } catch {
    throw new ServingError('INVALID_REQUEST', 'malformed JSON: the text is not valid UTF-8');
  }
}

/** Position of the first character that is not JSON white space. */
export function skipSpace(text: string, position: number): number {
  let at = position;
  for (;;) {
    const c = text.charCodeAt(at);
    if (c !== 32 && c !== 10 && c !== 13 && c !== 9) return at;
    at++;
  }
}

/**
 * Position after the string whose opening quote is at `position`.
 *
 * @throws ServingError INVALID_REQUEST for an unterminated string or a bare control character.
 */
export function endOfString(text: string, position: number): number {
  for (let at = position + 1; at < text.length; at++) {
    const c = text.charCodeAt(at);
    if (c === 34) return at + 1;
    if (c === 92) at++;
    else if (c < 32) throw malformed('an escaped control character', text, at);
  }
  throw malformed('the end of the string', text, text.length);
}

/** The value of the string literal between two positions, quotes included; escapes are resolved. */
export function stringBetween(text: string, start: number, end: number): string {
  const inner = text.slice(start + 1, end - 1);
  if (!inner.includes('\\')) return inner;
  try {
    return JSON.parse(text.slice(start, end));
  } catch {
    throw malformed('a string with valid escapes', text, start);
  }
}

function isDigit(c: number): boolean {
  return c >= 48 && c <= 57;
}

/**
 * Position after the JSON number at `position`, or -1 where none begins.
 *
 * The grammar is strict: no plus sign, no leading zero, digits on both sides of the point.
 */
export function endOfNumber(text: string, position: number): number {
  let at = position;
  if (text.charCodeAt(at) === 45) at++;
  const first = text.charCodeAt(at);
  if (!isDigit(first)) return -1;
  at++;
  if (first !== 48) while (isDigit(text.charCodeAt(at))) at++;
  else if (isDigit(text.charCodeAt(at))) return -1;
  if (text.charCodeAt(at) === 46) {
    at++;
    if (!isDigit(text.charCodeAt(at))) return -1;
    while (isDigit(text.charCodeAt(at))) at++;
  }
  const e = text.charCodeAt(at);
  if (e === 101 || e === 69) {
    at++;
    const sign = text.charCodeAt(at);
    if (sign === 43 || sign === 45) at++;
    if (!isDigit(text.charCodeAt(at))) return -1;
    while (isDigit(text.charCodeAt(at))) at++;
  }
  return at;
}
