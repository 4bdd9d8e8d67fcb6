/** Refusals of messages that never reach the application, with a JSON reason like all others. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { RequestError } from '@hono/node-server';
import { ServingError } from '../../config/errors.ts';
import { errorAnswer } from './answers.ts';
import { DEFAULT_LIMITS } from './limits.ts';

/** Status and reason by the error code of Node's parser; any other code means a malformed message. */
const REFUSALS: ReadonlyMap<string, readonly [status: string, reason: string]> = new Map([
  ['HPE_HEADER_OVERFLOW', ['431 Request Header Fields Too Large', 'the headers are too large']],
  ['HPE_CHUNK_EXTENSIONS_OVERFLOW', ['413 Payload Too Large', 'the chunk extensions are too large']],
  ['ERR_HTTP_REQUEST_TIMEOUT', ['408 Request Timeout', 'the request did not arrive in time']],
]);

/** Answers bytes that are not an HTTP message and closes the connection, unless an answer is being written. */
export function refuseMessage(error: NodeJS.ErrnoException, socket: Duplex): void {
  // Node's own handler reads this field, too, to find an answer under way.
  const { _httpMessage: underWay } = socket as { _httpMessage?: ServerResponse };
  if (!socket.writable || error.code === 'ECONNRESET' || underWay?.headersSent) {
    socket.destroy();
    return;
  }
  const malformed = ['400 Bad Request', `malformed HTTP: ${error.message}`] as const;
  const [status, reason] = REFUSALS.get(error.code ?? '') ?? malformed;
  const body = JSON.stringify({ error: reason });
  const headers = `Content-Type: application/json\r\nContent-Length: ${Buffer.byteLength(body)}\r\nConnection: close`;
  socket.end(`HTTP/1.1 ${status}\r\n${headers}\r\n\r\n${body}`, () => socket.destroy());
}

/** Answers an `Expect` header that asks for anything but 100-continue. */
export function refuseExpectation(request: IncomingMessage, response: ServerResponse): void {
  const body = JSON.stringify({ error: `expectation '${request.headers.expect}' cannot be met` });
  const headers = { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(body) };
  response.writeHead(417, headers).end(body);
}

/** The answer to a message whose host or target is no valid URL, and to errors that the application throws. */
export function refuseRequest(error: unknown): Response {
  const refusal =
    error instanceof RequestError
      ? new ServingError('INVALID_REQUEST', `malformed request: ${error.message}`)
      : error;
  return errorAnswer(refusal, DEFAULT_LIMITS.retryAfterSeconds);
}
