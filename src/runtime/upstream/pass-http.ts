import { Readable } from 'node:stream';
import type { ReadableStream } from 'node:stream/web';
import { Pool } from 'undici';
import { messageOf } from '../../config/errors.ts';
import type { UpstreamAddress } from './address.ts';
import { type Headers, UpstreamFault } from './client.ts';

/** Headers that belong to one connection (RFC 9110, 7.6.1), or are made anew. */
const OWN_HEADERS: ReadonlySet<string> = new Set([
  'connection',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'host',
  'expect',
]);
const CONNECT_MS = 2000;
/** A server that sends nothing for so long does not answer any more. Generating a long text may take minutes. */
const SILENCE_MS = 600_000;

export interface HttpPass {
  readonly ask: (request: Request) => Promise<Response>;
  readonly close: () => Promise<void>;
}

/**
 * Sends requests on as they are, and their answers back, piece by piece.
 *
 * @param own - sent with every request that has none of the same name that may be passed on.
 * @param passesAuthorization - whether a client's `authorization` is for that server; else it is for this one.
 */
export function httpPass(
  { authority, isSecure }: UpstreamAddress,
  own: Headers,
  passesAuthorization: boolean,
): HttpPass {
  const pool = new Pool(`${isSecure ? 'https' : 'http'}://${authority}`, {
    connect: { timeout: CONNECT_MS },
    headersTimeout: SILENCE_MS,
    bodyTimeout: SILENCE_MS,
  });
  const ask = async (request: Request): Promise<Response> => {
    const { pathname, search } = new URL(request.url);
    const headers: Record<string, string> = { ...own };
    request.headers.forEach((value, name) => {
      if (OWN_HEADERS.has(name) || (name === 'authorization' && !passesAuthorization)) return;
      headers[name] = value;
    });
    const body = request.body === null ? null : Readable.fromWeb(request.body as ReadableStream);
    try {
      const answer = await pool.request({
        method: request.method as 'GET',
        path: `${pathname}${search}`,
        headers,
        body,
        signal: request.signal,
      });
      const told = Object.entries(answer.headers).flatMap(([name, value]) =>
        OWN_HEADERS.has(name) || value === undefined
          ? []
          : [value].flat().map((one): [string, string] => [name, one]),
      );
      const isEmpty = request.method === 'HEAD' || [204, 205, 304].includes(answer.statusCode);
      if (isEmpty) await answer.body.dump();
      return new Response(isEmpty ? null : (Readable.toWeb(answer.body) as globalThis.ReadableStream), {
        status: answer.statusCode,
        headers: told,
      });
    } catch (error) {
      throw new UpstreamFault('unreached', `upstream: ${messageOf(error)}`, { cause: error });
    }
  };
  return { ask, close: () => pool.destroy() };
}
