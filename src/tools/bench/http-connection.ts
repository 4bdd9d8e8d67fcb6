import { connect, type Socket } from 'node:net';
import { ServingError } from '../../config/errors.ts';
import { inferPath, type WireRequest } from './infer-requests.ts';

const HEAD_END = Buffer.from('\r\n\r\n');
const READ_BYTES = 1 << 16;
const NOTHING = Buffer.alloc(0);

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
  #socket: Socket | undefined;
  #waiting: Waiting | undefined;
  #head: Buffer = NOTHING;
  /** The head of the answer before, which most often is the head of the next one too. */
  #known = { head: NOTHING, status: 0, length: 0 };
  /** Bytes of the body that are still to come; undefined while the head is read. */
  #missing: number | undefined;

  private constructor(url: string) {
    this.#url = url;
  }

  /** @throws ServingError UNAVAILABLE */
  static async open(url: string): Promise<HttpConnection> {
    const connection = new HttpConnection(url);
    await connection.#connect();
    return connection;
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
    if (this.#socket === undefined) await this.#connect();
    return new Promise((resolve, reject) => {
      this.#waiting = { resolve, reject };
      this.#socket?.write(message);
    });
  }

  close(): void {
    this.#socket?.destroy();
  }

  async #connect(): Promise<void> {
    // One buffer for all that is read: memory for each answer costs more than reading it.
    const buffer = Buffer.alloc(READ_BYTES);
    const socket = await connected(
      this.#url,
      (count) => {
        this.#receive(buffer.subarray(0, count));
        return true;
      },
      buffer,
    );
    this.#socket = socket;
    this.#head = NOTHING;
    this.#missing = undefined;
    socket.setNoDelay(true);
    socket.on('error', (error) => this.#fail(error.message));
    socket.on('close', () => {
      this.#socket = undefined;
      this.#fail('the connection was closed');
    });
  }

  #receive(chunk: Buffer): void {
    if (this.#missing === undefined) {
      const begun = this.#head.length === 0 ? chunk : Buffer.concat([this.#head, chunk]);
      const end = begun.indexOf(HEAD_END);
      if (end < 0) {
        this.#head = Buffer.from(begun);
        return;
      }
      if (!this.#read(begun.subarray(0, end))) return;
      this.#missing = this.#known.length - (begun.length - end - HEAD_END.length);
    } else {
      this.#missing -= chunk.length;
    }
    if (this.#missing > 0) return;
    this.#missing = undefined;
    this.#head = NOTHING;
    const waiting = this.#waiting;
    this.#waiting = undefined;
    waiting?.resolve(this.#known.status);
  }

  /** @returns false for what is no answer. */
  #read(head: Buffer): boolean {
    if (this.#known.head.equals(head)) return true;
    const text = head.toString('latin1');
    const length = /\r\ncontent-length: *(\d+)/i.exec(text)?.[1];
    const status = /^HTTP\/1\.1 (\d{3}) /.exec(text)?.[1];
    if (status === undefined || length === undefined) {
      this.#fail(`unexpected answer: ${text.split('\r\n', 1)[0]}`);
      return false;
    }
    this.#known = { head: Buffer.from(head), status: Number(status), length: Number(length) };
    return true;
  }

  #fail(reason: string): void {
    this.#waiting?.reject(new ServingError('UNAVAILABLE', reason));
    this.#waiting = undefined;
  }
}

function connected(url: string, onRead: (count: number) => boolean, buffer: Buffer): Promise<Socket> {
  const { hostname, port } = new URL(url);
  return new Promise((resolve, reject) => {
    const socket = connect({ port: Number(port), host: hostname, onread: { buffer, callback: onRead } });
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
