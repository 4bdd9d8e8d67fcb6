import { ServingError } from '../../config/errors.ts';
import { parseVersion } from '../../plane/model-version.ts';
import { quoted } from '../../protocol/quoted.ts';
import type { HttpContext } from './body.ts';

export interface ModelPath {
  readonly model: string;
  /** Decimal, without leading zeros; undefined: the server chooses. */
  readonly version: string | undefined;
}

/**
 * The model and version that a path names.
 *
 * @throws ServingError INVALID_REQUEST for a name with a slash or a version beyond int64, UNKNOWN_MODEL if the version is
 *   not a number.
 */
export function modelPath(context: HttpContext): ModelPath {
  const model = context.req.param('model') ?? '';
  if (model.includes('/') || model.includes('\\') || model === '.' || model === '..') {
    throw new ServingError('INVALID_REQUEST', `model name ${quoted(model)} must not hold a path`);
  }
  const version = context.req.param('version');
  return { model, version: version === undefined ? undefined : parseVersion(model, version) };
}
