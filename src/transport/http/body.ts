import type { IncomingMessage } from 'node:http';
import type { Context } from 'hono';
import { ServingError } from '../../config/errors.ts';
import type { BodyMemory, BufferedBytes } from '../buffered-bytes.ts';
import { BodyBuffer, bodyTooLarge } from './body-buffer.ts';
import { decompress } from './compression.ts';
import { ReceivedMessage } from './received-message.ts';
import { parseByteCount, parseContentEncoding } from './request-headers.ts';

/** What @hono/node-server adds to a context; absent with `app.request()` and other adapters. */
export interface NodeBindings {
  readonly incoming?: IncomingMessage;
}

export type HttpContext = Context<{ Bindings: NodeBindings }>;

/** Where a body comes from: Node's message, or the stream of another adapter. */
export interface BodySource {
  readonly header: (name: string) => string | undefined;
  readonly incoming: IncomingMessage | undefined;
  readonly stream: () => ReadableStream<Uint8Array> | null;
}

/** Reads and decompresses a request's body: see `withBody`. */
export function readBody(context: HttpContext, limits: BodyLimits): Promise<Uint8Array> {
  const source = {
    header: (name: string) => context.req.header(name),
    incoming: context.env?.incoming,
    stream: () => context.req.raw.body,
  };
  return withBody(source, limits, 0, (body) => Promise.resolve(body));
}

/** Bounds of one body, and of all together. */
export interface BodyLimits {
  readonly maxBodyBytes: number;
  readonly buffered: BufferedBytes;
}

/**
 * Reads a whole body, decompresses it, and passes it to `use`; from a `ReceivedMessage` in the turn in which the last byte
 * arrives. Its memory counts until `use` is done.
 *
 * @param alignAt - offset that gets an aligned address.
 * @throws ServingError PAYLOAD_TOO_LARGE and OVERLOADED (before reading if the length is announced),
 *   UNSUPPORTED_ENCODING, INVALID_REQUEST; and errors of `use`.
 */
export async function withBody<T>(
  source: BodySource,
  limits: BodyLimits,
  alignAt: number,
  use: (body: Uint8Array, memory: BodyMemory) => Promise<T>,
): Promise<T> {
  const { header, incoming, stream } = source;
  const encoding = parseContentEncoding(header('content-encoding'));
  const length = header('content-length');
  const declared = length === undefined ? undefined : parseByteCount('Content-Length', length);
  const maxBytes = Math.min(limits.maxBodyBytes, limits.buffered.maxBytes);
  if (declared !== undefined && declared > maxBytes) throw bodyTooLarge(maxBytes);
  const memory = limits.buffered.open(declared);
  try {
    return await new Promise<T>((resolve, reject) => {
      const buffer = new BodyBuffer(declared, maxBytes, alignAt, memory);
      const whole = () => {
        if (encoding === 'identity') {
          resolve(use(buffer.take(), memory));
          return;
        }
        const content = new BodyBuffer(undefined, maxBytes, alignAt, memory);
        const decompressed = decompress(encoding, buffer.take(), content).then(() => {
          buffer.drop();
          return use(content.take(), memory);
        });
        resolve(decompressed);
      };
      if (incoming === undefined) collectStream(stream(), buffer).then(whole).catch(reject);
      else collectIncoming(incoming, buffer, whole, reject);
    });
  } finally {
    memory.release();
  }
}

/**
 * Collects from Node's message, at half the cost of the web stream around it. It is done at the last announced byte, some
 * ticks before the stream's end. Calls one of the two callbacks, once.
 */
function collectIncoming(
  incoming: IncomingMessage,
  buffer: BodyBuffer,
  whole: () => void,
  fail: (error: unknown) => void,
): void {
  let isOver = false;
  const receive = (piece: Uint8Array | null) => {
    if (isOver) return;
    try {
      if (piece !== null) buffer.append(piece, true);
      isOver = piece === null || buffer.isFilled;
      if (isOver) whole();
    } catch (error) {
      isOver = true;
      fail(error);
    }
  };
  const onClose = () => {
    if (isOver) return;
    isOver = true;
    fail(new ServingError('INVALID_REQUEST', 'the connection closed before the whole body arrived'));
  };
  incoming.on('error', onClose).on('close', onClose);
  if (incoming instanceof ReceivedMessage && incoming.deliver(receive)) return;
  incoming.on('data', receive).on('end', () => receive(null));
}

async function collectStream(stream: ReadableStream<Uint8Array> | null, buffer: BodyBuffer): Promise<void> {
  if (stream === null) return;
  for await (const chunk of stream) buffer.append(chunk);
}
