import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { getRequestListener } from '@hono/node-server';
import type { Hono } from 'hono';
import { ServingError } from '../errors.ts';
import type { NodeBindings } from './body.ts';
import { refuseExpectation, refuseMessage, refuseRequest } from './malformed.ts';

export interface Listening {
  readonly port: number;
  readonly url: string;
  /** Accepts no new connection, lets requests under way finish, and cuts what is left after `graceMs`. */
  readonly stop: (graceMs: number) => Promise<void>;
}

/** How long a client may take to send its headers, and a whole request. */
const HEADERS_TIMEOUT_MS = 10_000;
const REQUEST_TIMEOUT_MS = 60_000;
const IDLE_CHECK_MS = 25;

/**
 * Serves an application on a port; 0 picks a free one.
 *
 * @throws ServingError ADDRESS_IN_USE naming the address, CONFIG_INVALID when it cannot be listened on.
 */
export async function listen(
  app: Hono<{ Bindings: NodeBindings }>,
  { host, port }: { readonly host: string; readonly port: number },
): Promise<Listening> {
  const listener = getRequestListener(app.fetch as never, { errorHandler: refuseRequest });
  // Without a Host header, too, it is the listener that refuses: with a reason.
  const server = createServer({ requireHostHeader: false }, (incoming, outgoing) => {
    void listener(incoming, outgoing);
  });
  server.headersTimeout = HEADERS_TIMEOUT_MS;
  server.requestTimeout = REQUEST_TIMEOUT_MS;
  server.on('clientError', refuseMessage);
  server.on('checkExpectation', refuseExpectation);
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => reject(listenError(error, host, port, '--port')));
    server.listen(port, host, resolve);
  });
  const actual = (server.address() as AddressInfo).port;
  return {
    port: actual,
    url: `http://${host.includes(':') ? `[${host}]` : host}:${actual}`,
    stop: (graceMs) => stop(server, graceMs),
  };
}

/** Why an address cannot be listened on. @param flag - the option that chooses another. */
export function listenError(
  error: NodeJS.ErrnoException,
  host: string,
  port: number,
  flag: string,
): ServingError {
  if (error.code === 'EADDRINUSE') {
    return new ServingError(
      'ADDRESS_IN_USE',
      `${host}:${port} is in use; choose another with ${flag}, or 0 for a free one`,
    );
  }
  return new ServingError('CONFIG_INVALID', `cannot listen on ${host}:${port}: ${error.message}`);
}

async function stop(server: Server, graceMs: number): Promise<void> {
  const sweep = setInterval(() => server.closeIdleConnections(), IDLE_CHECK_MS);
  const cut = setTimeout(() => server.closeAllConnections(), graceMs);
  await new Promise<void>((resolve) => server.close(() => resolve()));
  clearInterval(sweep);
  clearTimeout(cut);
}
