import type { Server } from 'node:http';
import type { Socket } from 'node:net';
import { DEFAULT_LIMITS } from './limits.ts';

/** Most refused connections that stay open until they have read the refusal; more are closed at once. */
const MAX_OPEN_REFUSED = 64;
const LINGER_MS = 1000;
const BODY = JSON.stringify({ error: 'the server has as many connections as it may' });
const ANSWER = [
  'HTTP/1.1 503 Service Unavailable',
  'Content-Type: application/json',
  `Content-Length: ${BODY.length}`,
  `Retry-After: ${DEFAULT_LIMITS.retryAfterSeconds}`,
  'Connection: close',
  '',
  BODY,
].join('\r\n');

/** Bounds the connections of a server. One more is answered 503 at once and closed. */
export class ConnectionCap {
  readonly #max: number;
  readonly #onRefused: () => void;
  readonly #refused = new Set<Socket>();
  #open = 0;

  /** @param onRefused - called for every refused connection. */
  constructor(max: number, onRefused: () => void = () => undefined) {
    this.#max = max;
    this.#onRefused = onRefused;
  }

  guard(server: Server): void {
    server.on('connection', (socket: Socket) => this.#count(socket));
  }

  /** Whether a connection was refused, so that its requests must not be answered. */
  hasRefused(socket: Socket): boolean {
    return this.#refused.size > 0 && this.#refused.has(socket);
  }

  #count(socket: Socket): void {
    if (this.#open < this.#max) {
      this.#open++;
      socket.once('close', () => {
        this.#open--;
      });
      return;
    }
    this.#onRefused();
    if (this.#refused.size >= MAX_OPEN_REFUSED) {
      socket.destroy();
      return;
    }
    this.#refused.add(socket);
    // Unread data would turn the close into a reset, which may overtake the answer.
    socket.resume().end(ANSWER);
    const cut = setTimeout(() => socket.destroy(), LINGER_MS);
    socket.once('close', () => {
      clearTimeout(cut);
      this.#refused.delete(socket);
    });
  }
}
