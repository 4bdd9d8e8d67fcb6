/**
 * A value that must be there, such as an element at an index that is in range.
 *
 * @template T
 * @param {T | null | undefined} value
 * @returns {T}
 * @throws RangeError if it is missing.
 */
export function present(value) {
  if (value === undefined || value === null) throw new RangeError('a value is missing');
  return value;
}
