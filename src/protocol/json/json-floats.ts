import { ServingError } from '../../config/errors.ts';
import { allocateElements } from '../datatypes.ts';
import { wrongCount } from '../shape.ts';
import { endOfNumber, malformed } from './json-text.ts';
import { type JsonElements, ragged, walkElements } from './json-walk.ts';

type Floats = Float32Array | Float64Array;

const WORDS: readonly (readonly [string, number])[] = [
  ['NaN', Number.NaN],
  ['Infinity', Number.POSITIVE_INFINITY],
  ['-Infinity', Number.NEGATIVE_INFINITY],
];

/**
 * FP32 or FP64 elements of a JSON array.
 *
 * Plain numbers go through the engine's own parser, which is the fastest there is; an array with a bare word, or with
 * anything wrong in it, is read element by element.
 *
 * @throws ServingError INVALID_REQUEST
 */
export function readFloats(datatype: 'FP32' | 'FP64', source: JsonElements): Floats {
  const elements = allocateElements(datatype, source.count) as Floats;
  const parsed = parsePlain(source);
  if (parsed === undefined) readOneByOne(source, elements);
  else if (source.shape.length > 1 && Array.isArray(parsed[0])) copyNested(source, parsed, 0, elements, 0);
  else copyNumbers(source, parsed, source.count, elements, 0);
  return elements;
}

function parsePlain({ text, span }: JsonElements): readonly unknown[] | undefined {
  const slice = text.slice(span.start, span.end);
  if (slice.includes('N') || slice.includes('I')) return undefined;
  try {
    return JSON.parse(slice);
  } catch {
    return undefined;
  }
}

function copyNested(
  source: JsonElements,
  rows: readonly unknown[],
  axis: number,
  into: Floats,
  offset: number,
): number {
  const size = source.shape[axis]!;
  if (axis === source.shape.length - 1) return copyNumbers(source, rows, size, into, offset);
  if (rows.length !== size) throw ragged(source);
  let at = offset;
  for (const row of rows) {
    if (!Array.isArray(row)) throw ragged(source);
    at = copyNested(source, row, axis + 1, into, at);
  }
  return at;
}

function copyNumbers(
  source: JsonElements,
  numbers: readonly unknown[],
  size: number,
  into: Floats,
  offset: number,
): number {
  if (numbers.length !== size) {
    const isFlat = size === source.count && !Array.isArray(numbers[0]);
    throw isFlat ? wrongCount(source, numbers.length) : ragged(source);
  }
  let overflow = 0;
  for (let i = 0; i < size; i++) {
    const value = numbers[i];
    if (typeof value !== 'number') throw notANumber(source, offset + i, value);
    into[offset + i] = value;
    const stored = into[offset + i]!;
    overflow += stored - stored;
  }
  if (overflow !== 0) {
    for (let i = 0; i < size; i++) checkFinite(source, into, offset + i, String(numbers[i]));
  }
  return offset + size;
}

function notANumber(source: JsonElements, index: number, value: unknown): ServingError {
  if (Array.isArray(value)) return ragged(source);
  const found = JSON.stringify(value).slice(0, 40);
  return new ServingError(
    'INVALID_REQUEST',
    `${source.label}: element ${index} is ${found}, expected a number`,
  );
}

function checkFinite(source: JsonElements, elements: Floats, index: number, token: string): void {
  if (Number.isFinite(elements[index])) return;
  const datatype = elements instanceof Float32Array ? 'FP32' : 'FP64';
  throw new ServingError(
    'INVALID_REQUEST',
    `${source.label}: element ${index} is ${token.slice(0, 40)}, which overflows ${datatype}`,
  );
}

function readOneByOne(source: JsonElements, elements: Floats): void {
  const { text } = source;
  walkElements(source, (position, index) => {
    const end = endOfNumber(text, position);
    if (end > 0) {
      const token = text.slice(position, end);
      elements[index] = Number(token);
      checkFinite(source, elements, index, token);
      return end;
    }
    for (const [word, value] of WORDS) {
      if (text.startsWith(word, position)) {
        elements[index] = value;
        return position + word.length;
      }
    }
    throw malformed(`a number in ${source.label}`, text, position);
  });
}
