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

/**
 * Reads a request's body, decompressed.
 *
 * @param alignAt - offset that is placed on an aligned address; a compressed body is placed anywhere.
 * @throws ServingError PAYLOAD_TOO_LARGE (before reading where the length is announced), UNSUPPORTED_ENCODING,
 *   INVALID_REQUEST.
 */
export async function readBody(context: HttpContext, maxBytes: number, alignAt: number): Promise<Uint8Array> {
  const encoding = parseContentEncoding(context.req.header('content-encoding'));
  const length = context.req.header('content-length');
  const declared = length === undefined ? undefined : parseByteCount('Content-Length', length);
  if (declared !== undefined && declared > maxBytes) throw bodyTooLarge(maxBytes);
  const buffer = new BodyBuffer(declared, maxBytes, alignAt);
  const incoming = context.env?.incoming;
  if (incoming !== undefined) await collectIncoming(incoming, buffer);
  else await collectStream(context.req.raw.body, buffer);
  const body = buffer.take();
  return encoding === 'identity' ? body : decompress(encoding, body, maxBytes);
}

/** Straight from the socket's message: half the cost of the web stream that wraps it. */
function collectIncoming(incoming: IncomingMessage, buffer: BodyBuffer): Promise<void> {
  return new Promise((resolve, reject) => {
    const detach = () => {
      incoming.off('data', onData).off('end', onEnd).off('error', onClose).off('close', onClose);
    };
    const onData = (chunk: Uint8Array) => {
      try {
        buffer.append(chunk);
      } catch (error) {
        detach();
        reject(error);
      }
    };
    const onEnd = () => {
      detach();
      resolve();
    };
    const onClose = () => {
      detach();
      reject(new ServingError('INVALID_REQUEST', 'the connection closed before the whole body arrived'));
    };
    incoming.on('data', onData).on('end', onEnd).on('error', onClose).on('close', onClose);
  });
}

async function collectStream(stream: ReadableStream<Uint8Array> | null, buffer: BodyBuffer): Promise<void> {
  if (stream === null) return;
  for await (const chunk of stream) buffer.append(chunk);
}
