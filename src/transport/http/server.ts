import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { getRequestListener } from '@hono/node-server';
import type { Hono } from 'hono';
import { authority, bareHost } from '../listen-address.ts';
import { listenError } from '../listen-error.ts';
import type { NodeBindings } from './body.ts';
import { ConnectionCap } from './connection-cap.ts';
import type { DirectAnswer } from './direct-infer.ts';
import { refuseExpectation, refuseMessage, refuseRequest } from './malformed.ts';
import { ReceivedMessage } from './received-message.ts';

export interface Listening {
  readonly port: number;
  readonly url: string;
  /** From now on every answer ends its connection: a client that sends one more request on it would lose that when it is closed. */
  readonly drain: () => void;
  /** Refuses new connections, lets requests under way finish, and closes what is left after `graceMs`. */
  readonly stop: (graceMs: number) => Promise<void>;
}

export interface ListenOptions {
  readonly host: string;
  readonly port: number;
  /** Longest time for a client to send its headers, and a whole request. */
  readonly headerSeconds?: number;
  readonly requestSeconds?: number;
  /** Longest time that a client may leave its answer unread. */
  readonly stallSeconds?: number;
  /** Most open connections; one more is answered 503 and closed. */
  readonly maxConnections?: number;
  readonly onConnectionRefused?: () => void;
  /** Called first for every request; the application gets those that it does not answer. */
  readonly answerDirectly?: DirectAnswer;
}

const IDLE_CHECK_MS = 25;
const LONGEST_CHECK_MS = 1000;

/**
 * Serves an application on a port; 0 picks a free one. A client that is too slow is answered 408 or disconnected.
 *
 * @throws ServingError ADDRESS_IN_USE naming the address, CONFIG_INVALID if it cannot be listened on.
 */
export async function listen(
  app: Hono<{ Bindings: NodeBindings }>,
  options: ListenOptions,
): Promise<Listening> {
  const host = bareHost(options.host);
  const { port, headerSeconds = 10, requestSeconds = 60, stallSeconds = 60 } = options;
  const { answerDirectly, maxConnections = Number.POSITIVE_INFINITY, onConnectionRefused } = options;
  const listener = getRequestListener(app.fetch as never, { errorHandler: refuseRequest });
  const requestTimeout = 1000 * requestSeconds;
  const headersTimeout = Math.min(1000 * headerSeconds, requestTimeout);
  const timing = {
    requestTimeout,
    headersTimeout,
    connectionsCheckingInterval: Math.min(headersTimeout / 4, LONGEST_CHECK_MS),
  };
  const onSent = (outgoing: ServerResponse) => {
    // Most answers are already handed to the kernel, so they need no timer. A pipelined answer has no socket yet.
    if (outgoing.socket?.writableLength !== 0) outgoing.setTimeout(1000 * stallSeconds, closeStalled);
  };
  const connections = new ConnectionCap(maxConnections, onConnectionRefused);
  let isDraining = false;
  // A missing Host header is refused by the listener below, with a reason.
  const server = createServer(
    { requireHostHeader: false, IncomingMessage: ReceivedMessage, ...timing },
    (incoming, outgoing) => {
      if (connections.hasRefused(incoming.socket)) return;
      if (isDraining) outgoing.shouldKeepAlive = false;
      if (answerDirectly?.(incoming, outgoing, onSent)) return;
      outgoing.setTimeout(1000 * stallSeconds, closeStalled);
      void listener(incoming, outgoing);
    },
  );
  connections.guard(server);
  server.on('clientError', refuseMessage);
  server.on('checkExpectation', refuseExpectation);
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => reject(listenError(error, host, port, '--port')));
    server.listen(port, host, resolve);
  });
  const actual = (server.address() as AddressInfo).port;
  return {
    port: actual,
    url: `http://${authority(host, actual)}`,
    drain: () => {
      isDraining = true;
    },
    stop: (graceMs) => stop(server, graceMs),
  };
}

/** Closes a connection on which nothing has moved for a while, if there is something for the client to read. */
function closeStalled(this: ServerResponse): void {
  if ((this.socket?.writableLength ?? 0) > 0) this.socket?.destroy();
}

async function stop(server: Server, graceMs: number): Promise<void> {
  const sweep = setInterval(() => server.closeIdleConnections(), IDLE_CHECK_MS);
  const cut = setTimeout(() => server.closeAllConnections(), graceMs);
  await new Promise<void>((resolve) => server.close(() => resolve()));
  clearInterval(sweep);
  clearTimeout(cut);
}
