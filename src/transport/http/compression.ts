import { promisify } from 'node:util';
import { createGunzip, createInflate, deflate, gzip } from 'node:zlib';
import { ServingError } from '../../config/errors.ts';
import type { BodyBuffer } from './body-buffer.ts';
import type { Encoding } from './request-headers.ts';

const COMPRESS = { gzip: promisify(gzip), deflate: promisify(deflate) } as const;
const DECOMPRESS = { gzip: createGunzip, deflate: createInflate } as const;
/** Size of the pieces in which content is decompressed; each is counted before the next is made. */
const PIECE_BYTES = 64 << 10;

/** Compresses a body, fast rather than small. */
export async function compress(
  encoding: Exclude<Encoding, 'identity'>,
  body: Uint8Array,
): Promise<Uint8Array> {
  return COMPRESS[encoding](body, { level: 1 });
}

/**
 * Decompresses a body piece by piece, so that it never exceeds its bounds.
 *
 * @param into - receives the content; its errors end the work.
 * @throws ServingError INVALID_REQUEST if the body is not in the encoding.
 */
export function decompress(
  encoding: Exclude<Encoding, 'identity'>,
  body: Uint8Array,
  into: BodyBuffer,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const stream = DECOMPRESS[encoding]({ chunkSize: PIECE_BYTES });
    stream.on('data', (piece: Uint8Array) => {
      try {
        into.append(piece);
      } catch (error) {
        stream.destroy();
        reject(error);
      }
    });
    stream.on('end', resolve);
    stream.on('error', (cause) =>
      reject(new ServingError('INVALID_REQUEST', `the body is not valid ${encoding}`, { cause })),
    );
    stream.end(body);
  });
}
