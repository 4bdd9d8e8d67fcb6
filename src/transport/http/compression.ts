import { promisify } from 'node:util';
import { deflate, gunzip, gzip, inflate } from 'node:zlib';
import { ServingError } from '../../config/errors.ts';
import type { Encoding } from './request-headers.ts';

const COMPRESS = { gzip: promisify(gzip), deflate: promisify(deflate) } as const;
const DECOMPRESS = { gzip: promisify(gunzip), deflate: promisify(inflate) } as const;

/** A body in an encoding; speed is worth more than the last bytes. */
export async function compress(
  encoding: Exclude<Encoding, 'identity'>,
  body: Uint8Array,
): Promise<Uint8Array> {
  return COMPRESS[encoding](body, { level: 1 });
}

/**
 * The content of an encoded body, never more than `maxBytes` of it.
 *
 * @throws ServingError PAYLOAD_TOO_LARGE beyond the limit, INVALID_REQUEST for a body that is not in the encoding.
 */
export async function decompress(
  encoding: Exclude<Encoding, 'identity'>,
  body: Uint8Array,
  maxBytes: number,
): Promise<Uint8Array> {
  try {
    const { buffer, byteOffset, byteLength } = await DECOMPRESS[encoding](body, {
      maxOutputLength: maxBytes,
    });
    return new Uint8Array(buffer, byteOffset, byteLength);
  } catch (error) {
    if (error instanceof RangeError) {
      throw new ServingError('PAYLOAD_TOO_LARGE', `the decompressed body exceeds ${maxBytes} bytes`);
    }
    throw new ServingError('INVALID_REQUEST', `the body is not valid ${encoding}`, { cause: error });
  }
}
