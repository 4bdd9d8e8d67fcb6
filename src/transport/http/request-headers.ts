import { ServingError } from '../../config/errors.ts';

export type Encoding = 'identity' | 'gzip' | 'deflate';

/**
 * The value of a header that is a number of bytes.
 *
 * @throws ServingError INVALID_REQUEST unless it is the decimal digits of a safe integer.
 */
export function parseByteCount(name: string, value: string): number {
  const count = /^\d{1,16}$/.test(value) ? Number(value) : Number.NaN;
  if (Number.isSafeInteger(count)) return count;
  throw new ServingError(
    'INVALID_REQUEST',
    `header '${name}' is '${value.slice(0, 40)}', expected a byte count`,
  );
}

/**
 * The encoding of a request's body.
 *
 * @throws ServingError UNSUPPORTED_ENCODING for anything but gzip, deflate (zlib) and identity.
 */
export function parseContentEncoding(value: string | undefined): Encoding {
  if (value === undefined) return 'identity';
  const encoding = value.trim().toLowerCase();
  if (encoding === 'gzip' || encoding === 'x-gzip') return 'gzip';
  if (encoding === 'deflate') return 'deflate';
  if (encoding === 'identity' || encoding === '') return 'identity';
  throw new ServingError(
    'UNSUPPORTED_ENCODING',
    `content encoding '${value.slice(0, 40)}' is not supported, expected gzip or deflate`,
  );
}

/** The encoding of the answer: gzip if accepted, else deflate if accepted, else identity. */
export function chooseEncoding(accept: string | undefined): Encoding {
  if (accept === undefined) return 'identity';
  let chosen: Encoding = 'identity';
  for (const item of accept.toLowerCase().split(',')) {
    const [name, ...parameters] = item.split(';').map((part) => part.trim());
    const isRefused = parameters.some((parameter) => /^q=0(\.0*)?$/.test(parameter));
    if (isRefused) continue;
    if (name === 'gzip' || name === 'x-gzip') return 'gzip';
    if (name === 'deflate') chosen = 'deflate';
  }
  return chosen;
}
