/**
 * How much a request may consist of, whatever its transport. A name or a number of a few bytes becomes an object of the
 * thread that serves, so bytes alone do not bound what a request costs. Elements of tensors are bounded by their shapes.
 */
import { ServingError } from '../config/errors.ts';

/** Parameters of one request, input or output: those with a meaning are a dozen. */
export const MAX_PARAMETERS = 1024;
/** Inputs, and requested outputs, of one request: models with a cache per layer have hundreds. */
export const MAX_TENSORS = 4096;
/** Dimensions of one tensor; ONNX Runtime's models have a handful. */
export const MAX_RANK = 64;
/** Values of one request in all, its tensors' elements aside: what its parts may have together. */
export const MAX_VALUES = 1 << 16;

/** @param what - the kind, in the plural. */
export function tooMany(what: string, max: number): ServingError {
  return new ServingError('INVALID_REQUEST', `more than ${max} ${what}`);
}
