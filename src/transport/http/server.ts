import { createServer, type Server, type ServerResponse } from 'node:http';
import { type AddressInfo, Server as NetServer } from 'node:net';
import { setTimeout as after, setImmediate } from 'node:timers/promises';
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
  /**
   * Refuses new connections, lets requests under way finish, and closes what is left after `graceMs`.
   *
   * A connection that waits to be accepted when listening ends is lost to its client. So requests are not answered around that moment:
   * whoever waits for an answer does not connect.
   *
   * @param othersMs - other processes listen on the port, and stop at the same time, give or take so long.
   */
  readonly stop: (graceMs: number, othersMs?: number) => Promise<void>;
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
/** After the last connection was accepted, clients have so long to send what they opened it for. */
const FIRST_REQUEST_MS = 500;
/** A moment at which nobody connects is waited for so long. */
const QUIET_MS = 250;
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
  let held: Promise<void> | undefined;
  const answer = (incoming: ReceivedMessage, outgoing: ServerResponse<ReceivedMessage>) => {
    if (answerDirectly?.(incoming, outgoing, onSent)) return;
    outgoing.setTimeout(1000 * stallSeconds, closeStalled);
    void listener(incoming, outgoing);
  };
  // A missing Host header is refused by the listener below, with a reason.
  const server = createServer(
    { requireHostHeader: false, IncomingMessage: ReceivedMessage, ...timing },
    (incoming, outgoing) => {
      if (connections.hasRefused(incoming.socket)) return;
      if (isDraining) outgoing.shouldKeepAlive = false;
      if (held === undefined) answer(incoming, outgoing);
      else void held.then(() => answer(incoming, outgoing));
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
    stop: async (graceMs, othersMs = 0) => {
      let release = () => {};
      held = new Promise((resolve) => {
        release = resolve;
      });
      await after(othersMs);
      await quietTurn(server);
      const stopped = stop(server, graceMs);
      await after(othersMs);
      release();
      await stopped;
    },
  };
}

/** Closes a connection on which nothing has moved for a while, if there is something for the client to read. */
function closeStalled(this: ServerResponse): void {
  if ((this.socket?.writableLength ?? 0) > 0) this.socket?.destroy();
}

/** A turn of the event loop in which nobody connected: what waits to be accepted when listening ends is lost to its client. */
async function quietTurn(server: Server): Promise<void> {
  const end = performance.now() + QUIET_MS;
  let isQuiet = false;
  const connected = () => {
    isQuiet = false;
  };
  server.on('connection', connected);
  while (!isQuiet && performance.now() < end) {
    isQuiet = true;
    await setImmediate();
  }
  server.off('connection', connected);
}

/**
 * A connection that was accepted a moment ago looks idle, but its request is on the way: closing it would lose that. So listening ends
 * first, and what is idle is closed after a while.
 */
async function stop(server: Server, graceMs: number): Promise<void> {
  const lingerMs = Math.min(FIRST_REQUEST_MS, graceMs);
  const cut = setTimeout(() => server.closeAllConnections(), graceMs);
  let sweep: NodeJS.Timeout | undefined;
  const linger = setTimeout(() => {
    server.closeIdleConnections();
    sweep = setInterval(() => server.closeIdleConnections(), IDLE_CHECK_MS);
  }, lingerMs);
  // The method of http.Server closes idle connections at once.
  await new Promise<void>((resolve) => NetServer.prototype.close.call(server, () => resolve()));
  clearTimeout(linger);
  clearInterval(sweep);
  clearTimeout(cut);
  server.close();
}
