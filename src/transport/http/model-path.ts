import { ServingError } from '../../config/errors.ts';
import { unknownModel } from '../../plane/inference.ts';
import { quoted } from '../../protocol/quoted.ts';
import type { HttpContext } from './body.ts';

const INT64_MAX = 2n ** 63n - 1n;

export interface ModelPath {
  readonly model: string;
  /** Decimal, without leading zeros; undefined: the server chooses. */
  readonly version: string | undefined;
}

/**
 * The model and version that a path names.
 *
 * @throws ServingError INVALID_REQUEST for a name with a slash or a version beyond int64, UNKNOWN_MODEL for a version that
 *   is not a number.
 */
export function modelPath(context: HttpContext): ModelPath {
  const model = context.req.param('model') ?? '';
  if (model.includes('/') || model.includes('\\') || model === '.' || model === '..') {
    throw new ServingError('INVALID_REQUEST', `model name ${quoted(model)} must not hold a path`);
  }
  const version = context.req.param('version');
  return { model, version: version === undefined ? undefined : parseVersion(model, version) };
}

/**
 * A version in its one form: decimal, without leading zeros.
 *
 * @throws ServingError UNKNOWN_MODEL for what is no number, INVALID_REQUEST for one beyond int64.
 */
export function parseVersion(model: string, version: string): string {
  if (!/^\d+$/.test(version)) throw unknownModel(model, `'${version.slice(0, 40)}'`);
  const isTooLong = version.length > 40 || BigInt(version) > INT64_MAX;
  if (isTooLong)
    throw new ServingError('INVALID_REQUEST', `model version ${version.slice(0, 40)} is out of range`);
  return BigInt(version).toString();
}
