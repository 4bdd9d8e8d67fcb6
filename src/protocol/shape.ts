import { ServingError } from '../config/errors.ts';
import { elementBytes } from './datatypes.ts';
import type { Datatype, TensorSpec } from './types.ts';

/** Strings of one tensor: each is an object of its own, on its way to a worker too, and takes a hundred times its three bytes. */
export const MAX_STRINGS = 1 << 18;

/** Number of elements; Infinity where it exceeds what a number counts exactly. An empty shape is a scalar: 1. */
export function countElements(shape: readonly number[]): number {
  let count = 1;
  for (const size of shape) count *= size;
  return count > Number.MAX_SAFE_INTEGER ? Number.POSITIVE_INFINITY : count;
}

/** A shape as people write it: [2,8]. */
export function formatShape(shape: readonly number[]): string {
  return `[${shape.join(',')}]`;
}

/**
 * Number of elements of a tensor whose shape came from outside.
 *
 * @param label - 'input' or 'output' and the tensor's name, for messages.
 * @throws ServingError INVALID_REQUEST when the elements or their bytes exceed 2^53 − 1, or the strings `MAX_STRINGS`.
 */
export function checkedCount(label: string, datatype: Datatype, shape: readonly number[]): number {
  const count = countElements(shape);
  const bytes = datatype === 'BYTES' ? count : count * elementBytes(datatype);
  if (bytes > Number.MAX_SAFE_INTEGER) {
    throw new ServingError(
      'INVALID_REQUEST',
      `${label}: shape ${formatShape(shape)} of ${datatype} exceeds the maximum byte size`,
    );
  }
  if (datatype === 'BYTES' && count > MAX_STRINGS) {
    throw new ServingError(
      'INVALID_REQUEST',
      `${label}: shape ${formatShape(shape)} holds ${count} strings, the maximum is ${MAX_STRINGS}`,
    );
  }
  return count;
}

/** The error for another number of elements than the shape's. */
export function wrongCount(
  source: { readonly label: string; readonly shape: readonly number[]; readonly count: number },
  found: number | string,
): ServingError {
  const { label, shape, count } = source;
  return new ServingError(
    'INVALID_REQUEST',
    `${label}: ${found} elements, shape ${formatShape(shape)} needs ${count}`,
  );
}

/**
 * Checks a shape against the model's.
 *
 * @throws ServingError INVALID_REQUEST for another rank or another size of a fixed dimension.
 */
export function checkShape(spec: TensorSpec, shape: readonly number[]): void {
  const isFitting =
    shape.length === spec.shape.length && spec.shape.every((size, axis) => size < 0 || size === shape[axis]);
  if (isFitting) return;
  throw new ServingError(
    'INVALID_REQUEST',
    `input '${spec.name}': unexpected shape ${formatShape(shape)}, expected ${formatShape(spec.shape)}`,
  );
}

/**
 * A shape that came from outside.
 *
 * @throws ServingError INVALID_REQUEST for anything but an array of non-negative integers.
 */
export function shapeOf(value: unknown, label: string): readonly number[] {
  if (!Array.isArray(value)) {
    throw new ServingError('INVALID_REQUEST', `${label}: 'shape' must be an array`);
  }
  for (const size of value as readonly unknown[]) {
    if (typeof size === 'number' && Number.isInteger(size) && size >= 0) continue;
    if (typeof size === 'bigint') {
      throw new ServingError('INVALID_REQUEST', `${label}: 'shape': number ${size} is out of range`);
    }
    throw new ServingError(
      'INVALID_REQUEST',
      `${label}: 'shape' holds ${String(size).slice(0, 40)}, expected non-negative integers`,
    );
  }
  return value;
}

/**
 * The shape of a tensor of which only the elements are known: its one variable dimension is as long as they make it.
 *
 * @throws ServingError INVALID_REQUEST for several variable dimensions, or another number of elements.
 */
export function deduceShape(spec: TensorSpec, count: number): readonly number[] {
  const fixed = countElements(spec.shape.filter((size) => size >= 0));
  const variable = spec.shape.filter((size) => size < 0).length;
  if (variable > 1) {
    throw new ServingError(
      'INVALID_REQUEST',
      `input '${spec.name}': elements alone cannot fill the ${variable} variable dimensions of ${formatShape(spec.shape)}`,
    );
  }
  const size = variable === 0 ? 1 : count / fixed;
  if (fixed * size !== count || !Number.isInteger(size)) {
    throw new ServingError(
      'INVALID_REQUEST',
      `input '${spec.name}': ${count} elements do not fill shape ${formatShape(spec.shape)}`,
    );
  }
  return spec.shape.map((fixedSize) => (fixedSize < 0 ? size : fixedSize));
}
