import { connect, type Socket } from 'node:net';
import { ServingError } from '../errors.ts';
import { inferPath, type WireRequest } from './infer-requests.ts';

const HEAD_END = Buffer.from('\r\n\r\n');

interface Waiting {
  readonly resolve: (status: number) => void;
  readonly reject: (error: Error) => void;
}

/**
 * One keep-alive connection that sends ready-made bytes and counts what comes back.
 *
 * It does as little as a client can, so that what is timed through it is the server and the kernel, not an HTTP client.
 */
export class HttpConnection {
  readonly #url: string;
  #socket: Socket;
  #isLost = false;
  #waiting: Waiting | undefined;
  #head: Buffer = Buffer.alloc(0);
  /** Bytes of the body that are still to come; undefined while the head is read. */
  #missing: number | undefined;
  #status = 0;

  private constructor(url: string, socket: Socket) {
    this.#url = url;
    this.#socket = socket;
    this.#listen(socket);
  }

  /** @throws ServingError UNAVAILABLE */
  static async open(url: string): Promise<HttpConnection> {
    return new HttpConnection(url, await connected(url));
  }

  /** Sends one request and waits for its whole answer. @throws ServingError UNAVAILABLE for any answer but 200. */
  async send(message: Buffer): Promise<void> {
    const status = await this.ask(message);
    if (status !== 200) throw new ServingError('UNAVAILABLE', `unexpected answer: status ${status}`);
  }

  /**
   * Sends one request and waits for its whole answer, whose status it tells. A connection that the server has closed
   * between two requests is made again.
   *
   * @throws ServingError UNAVAILABLE
   */
  async ask(message: Buffer): Promise<number> {
    if (this.#isLost) {
      this.#socket = await connected(this.#url);
      this.#listen(this.#socket);
    }
    return new Promise((resolve, reject) => {
      this.#waiting = { resolve, reject };
      this.#socket.write(message);
    });
  }

  close(): void {
    this.#socket.destroy();
  }

  #listen(socket: Socket): void {
    this.#isLost = false;
    this.#head = Buffer.alloc(0);
    this.#missing = undefined;
    socket.setNoDelay(true);
    socket.on('data', (chunk: Buffer) => this.#receive(chunk));
    socket.on('error', (error) => this.#fail(error.message));
    socket.on('close', () => {
      this.#isLost = true;
      this.#fail('the connection was closed');
    });
  }

  #receive(chunk: Buffer): void {
    if (this.#missing === undefined) {
      this.#head = this.#head.length === 0 ? chunk : Buffer.concat([this.#head, chunk]);
      const end = this.#head.indexOf(HEAD_END);
      if (end < 0) return;
      const head = this.#head.toString('latin1', 0, end);
      const length = /\r\ncontent-length: *(\d+)/i.exec(head)?.[1];
      this.#status = Number(/^HTTP\/1\.1 (\d{3}) /.exec(head)?.[1]);
      if (Number.isNaN(this.#status) || length === undefined) {
        this.#fail(`unexpected answer: ${head.split('\r\n', 1)[0]}`);
        return;
      }
      this.#missing = Number(length) - (this.#head.length - end - HEAD_END.length);
    } else {
      this.#missing -= chunk.length;
    }
    if (this.#missing > 0) return;
    this.#missing = undefined;
    this.#head = Buffer.alloc(0);
    const waiting = this.#waiting;
    this.#waiting = undefined;
    waiting?.resolve(this.#status);
  }

  #fail(reason: string): void {
    this.#waiting?.reject(new ServingError('UNAVAILABLE', reason));
    this.#waiting = undefined;
  }
}

function connected(url: string): Promise<Socket> {
  const { hostname, port } = new URL(url);
  return new Promise((resolve, reject) => {
    const socket = connect(Number(port), hostname);
    const refused = (error: Error) => reject(new ServingError('UNAVAILABLE', `${url}: ${error.message}`));
    socket.once('error', refused);
    socket.once('connect', () => {
      socket.off('error', refused);
      resolve(socket);
    });
  });
}

/** A request as the bytes of one HTTP/1.1 message. */
export function httpMessage(url: string, model: string, { body, headers }: WireRequest): Buffer {
  const lines = [
    `POST ${inferPath(model)} HTTP/1.1`,
    `Host: ${new URL(url).host}`,
    ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`),
    `Content-Length: ${body.length}`,
  ];
  return Buffer.concat([Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1'), body]);
}
