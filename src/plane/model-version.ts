import { ServingError } from '../config/errors.ts';
import { unknownModel } from './inference.ts';

const INT64_MAX = 2n ** 63n - 1n;

/**
 * A version in canonical form: decimal, without leading zeros.
 *
 * @throws ServingError UNKNOWN_MODEL if it is not a number, INVALID_REQUEST if it is beyond int64.
 */
export function parseVersion(model: string, version: string): string {
  if (!/^\d+$/.test(version)) throw unknownModel(model, `'${version.slice(0, 40)}'`);
  const isTooLong = version.length > 40 || BigInt(version) > INT64_MAX;
  if (isTooLong)
    throw new ServingError('INVALID_REQUEST', `model version ${version.slice(0, 40)} is out of range`);
  return BigInt(version).toString();
}
