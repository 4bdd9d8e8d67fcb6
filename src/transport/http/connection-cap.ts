import type { Server } from 'node:http';
import type { Socket } from 'node:net';
import { DEFAULT_LIMITS } from './limits.ts';

/** Refused connections that may be open at one time, until they have read why; beyond them they are just closed. */
const MAX_LINGERING = 64;
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

/** Bounds the connections of a server. One too many is answered 503 before it has asked anything, and closed. */
export class ConnectionCap {
  readonly #max: number;
  readonly #onRefused: () => void;
  readonly #refused = new Set<Socket>();
  #open = 0;

  /** @param onRefused - hears of every connection that was refused. */
  constructor(max: number, onRefused: () => void = () => undefined) {
    this.#max = max;
    this.#onRefused = onRefused;
  }

  guard(server: Server): void {
    server.on('connection', (socket: Socket) => this.#count(socket));
  }

  /** What such a connection asks all the same is not to be answered. */
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
    if (this.#refused.size >= MAX_LINGERING) {
      socket.destroy();
      return;
    }
    this.#refused.add(socket);
    // What has been sent and not read would make the close a reset, which may overtake the answer.
    socket.resume().end(ANSWER);
    const cut = setTimeout(() => socket.destroy(), LINGER_MS);
    socket.once('close', () => {
      clearTimeout(cut);
      this.#refused.delete(socket);
    });
  }
}
