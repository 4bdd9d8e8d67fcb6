import type { IncomingMessage } from 'node:http';
import type { Context } from 'hono';
import { ServingError } from '../errors.ts';
import { BodyBuffer, bodyTooLarge } from './body-buffer.ts';
import { decompress } from './compression.ts';
import { parseByteCount, parseContentEncoding } from './request-headers.ts';

/** What @hono/node-server adds to a context; absent under `app.request()` and other adapters. */
export interface NodeBindings {
  readonly incoming?: IncomingMessage;
}

export type HttpContext = Context<{ Bindings: NodeBindings }>;

/** Where a body comes from: the socket's message, or the stream of whatever serves the application. */
export interface BodySource {
  readonly header: (name: string) => string | undefined;
  readonly incoming: IncomingMessage | undefined;
  readonly stream: () => ReadableStream<Uint8Array> | null;
}

/** Reads a request's body, decompressed: see `readBodyOf`. */
export function readBody(context: HttpContext, maxBytes: number, alignAt: number): Promise<Uint8Array> {
  const source = {
    header: (name: string) => context.req.header(name),
    incoming: context.env?.incoming,
    stream: () => context.req.raw.body,
  };
  return readBodyOf(source, maxBytes, alignAt);
}

/**
 * A whole body, decompressed.
 *
 * @param alignAt - offset that is placed on an aligned address; a compressed body is placed anywhere.
 * @throws ServingError PAYLOAD_TOO_LARGE (before reading where the length is announced), UNSUPPORTED_ENCODING,
 *   INVALID_REQUEST.
 */
export async function readBodyOf(source: BodySource, maxBytes: number, alignAt: number): Promise<Uint8Array> {
  const { header, incoming, stream } = source;
  const encoding = parseContentEncoding(header('content-encoding'));
  const length = header('content-length');
  const declared = length === undefined ? undefined : parseByteCount('Content-Length', length);
  if (declared !== undefined && declared > maxBytes) throw bodyTooLarge(maxBytes);
  const buffer = new BodyBuffer(declared, maxBytes, alignAt);
  if (incoming !== undefined) await collectIncoming(incoming, buffer);
  else await collectStream(stream(), buffer);
  const body = buffer.take();
  return encoding === 'identity' ? body : decompress(encoding, body, maxBytes);
}

/**
 * Straight from the socket's message: half the cost of the web stream that wraps it.
 *
 * Not done before its end, although the last byte is here a moment earlier: what the stream has left to do would then be
 * done while the run's answer waits.
 */
function collectIncoming(incoming: IncomingMessage, buffer: BodyBuffer): Promise<void> {
  return new Promise((resolve, reject) => {
    const onClose = () =>
      reject(new ServingError('INVALID_REQUEST', 'the connection closed before the whole body arrived'));
    incoming.on('data', (chunk: Uint8Array) => {
      try {
        buffer.append(chunk, true);
      } catch (error) {
        reject(error);
      }
    });
    incoming.on('end', resolve).on('error', onClose).on('close', onClose);
  });
}

async function collectStream(stream: ReadableStream<Uint8Array> | null, buffer: BodyBuffer): Promise<void> {
  if (stream === null) return;
  for await (const chunk of stream) buffer.append(chunk);
}
