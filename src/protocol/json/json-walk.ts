import { ServingError } from '../../config/errors.ts';
import { formatShape, wrongCount } from '../shape.ts';
import type { JsonSpan } from './json-reader.ts';
import { malformed, skipSpace } from './json-text.ts';

/** Where a tensor's elements are in a JSON text, and how many there must be. */
export interface JsonElements {
  /** 'input' or 'output' and the tensor's name, for messages. */
  readonly label: string;
  readonly text: string;
  readonly span: JsonSpan;
  readonly shape: readonly number[];
  /** Product of the shape. */
  readonly count: number;
}

/** Reads the element at `position` as number `index` of the tensor and returns the position after it. */
export type ReadElement = (position: number, index: number) => number;

/** The error for nesting that is neither flat nor the shape's. */
export function ragged(source: JsonElements): ServingError {
  return new ServingError(
    'INVALID_REQUEST',
    `${source.label}: nested data must be nested exactly as shape ${formatShape(source.shape)}`,
  );
}

/** Whether the outermost array holds arrays. */
function isNested({ text, span }: JsonElements): boolean {
  return text.charCodeAt(skipSpace(text, span.start + 1)) === 91;
}

/**
 * Refuses a span too short for the shape's elements, before anything is allocated for what a shape only claims.
 *
 * @throws ServingError INVALID_REQUEST
 */
export function checkSpanHolds(source: JsonElements): void {
  const { text, span, count } = source;
  const shortest = count === 0 ? 2 : 2 * count + 1;
  if (span.end - span.start >= shortest) return;
  const inner = text.slice(span.start + 1, span.end - 1);
  if (inner.includes('"') || isNested(source)) throw wrongCount(source, 'too few');
  throw wrongCount(source, inner.trim() === '' ? 0 : inner.split(',').length);
}

/**
 * Visits every element of a tensor's data in row-major order.
 *
 * @throws ServingError INVALID_REQUEST for another number of elements than the shape's, or ragged nesting.
 */
export function walkElements(source: JsonElements, read: ReadElement): void {
  const { text, span, shape, count } = source;
  let index = 0;

  function readLeaf(start: number, size: number): number {
    let at = skipSpace(text, start + 1);
    if (text.charCodeAt(at) === 93) {
      if (size === 0) return at + 1;
      throw malformedCount(0, size);
    }
    for (let i = 0; ; ) {
      if (i === size) throw malformedCount(`more than ${size}`, size);
      if (text.charCodeAt(at) === 91) throw ragged(source);
      at = skipSpace(text, read(at, index++));
      i++;
      const c = text.charCodeAt(at);
      if (c === 44) at = skipSpace(text, at + 1);
      else if (c !== 93) throw malformed(`',' or ']' in ${source.label}`, text, at);
      else if (i === size) return at + 1;
      else throw malformedCount(i, size);
    }
  }

  function readLevel(start: number, axis: number): number {
    const size = shape[axis]!;
    if (axis === shape.length - 1) return readLeaf(start, size);
    let at = skipSpace(text, start + 1);
    for (let i = 0; i < size; i++) {
      if (i > 0) {
        if (text.charCodeAt(at) !== 44) throw ragged(source);
        at = skipSpace(text, at + 1);
      }
      if (text.charCodeAt(at) !== 91) throw ragged(source);
      at = skipSpace(text, readLevel(at, axis + 1));
    }
    if (text.charCodeAt(at) !== 93) throw ragged(source);
    return at + 1;
  }

  function malformedCount(found: number | string, size: number): ServingError {
    return size === count && !isNested(source) ? wrongCount(source, found) : ragged(source);
  }

  if (shape.length > 1 && isNested(source)) readLevel(span.start, 0);
  else readLeaf(span.start, count);
}
