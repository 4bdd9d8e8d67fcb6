import { Agent, request as httpRequest } from 'node:http';
import { open } from '../transport/http/socket-client.ts';
import type { FuzzRequest } from './requests.ts';
import type { FuzzAnswer } from './verdict.ts';

/** Sends requests over connections that are kept. */
export class HttpSender {
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 1 });
  readonly #port: number;

  constructor(port: number) {
    this.#port = port;
  }

  send({ method, path, headers, body }: FuzzRequest): Promise<FuzzAnswer> {
    return new Promise((resolve, reject) => {
      const options = { host: '127.0.0.1', port: this.#port, agent: this.#agent, method, path };
      const sized = body.length > 0 ? { ...headers, 'Content-Length': String(body.length) } : headers;
      const outgoing = httpRequest({ ...options, headers: sized }, (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('error', reject);
        response.on('end', () => {
          const length = response.headers['inference-header-content-length'];
          resolve({
            status: response.statusCode!,
            contentType: response.headers['content-type'] ?? null,
            headerLength: length === undefined ? null : String(length),
            body: Buffer.concat(chunks),
          });
        });
      });
      outgoing.on('error', reject);
      outgoing.end(body);
    });
  }

  close(): void {
    this.#agent.destroy();
  }
}

/** The request as it is on the wire. */
export function onTheWire({ method, path, headers, body }: FuzzRequest): Uint8Array {
  const all = { Host: 'h', Connection: 'close', ...headers, 'Content-Length': String(body.length) };
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`);
  return Buffer.concat([Buffer.from(`${method} ${path} HTTP/1.1\r\n${lines.join('')}\r\n`), body]);
}

/** How long bytes that ask for more bytes are waited on before this side says that there are none. */
const PATIENCE_MS = 100;

/** Everything that is answered to some bytes. */
export async function exchange(port: number, bytes: Uint8Array): Promise<Buffer> {
  const socket = await open(port);
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    const impatience = setTimeout(() => socket.end(), PATIENCE_MS);
    socket.on('data', (chunk: Buffer) => chunks.push(chunk));
    // A server that closed before it had read everything resets the connection; its answer counts all the same.
    socket.on('error', () => undefined);
    socket.on('close', () => {
      clearTimeout(impatience);
      resolve(Buffer.concat(chunks));
    });
    socket.write(bytes);
  });
}

/** Status and body of each answer in what came back. */
export function answersIn(received: Buffer): { readonly status: number; readonly body: string }[] {
  const answers: { status: number; body: string }[] = [];
  let rest = received.toString('latin1');
  while (rest !== '') {
    const head = /^HTTP\/1\.1 (\d{3}) [^\r\n]*\r\n(?:[^\r\n]+\r\n)*\r\n/.exec(rest);
    if (head === null) throw new Error(`no answer: ${JSON.stringify(rest.slice(0, 200))}`);
    const length = Number(/\r\ncontent-length: (\d+)/i.exec(head[0])?.[1] ?? 0);
    const end = head[0].length + length;
    answers.push({ status: Number(head[1]), body: rest.slice(head[0].length, end) });
    rest = rest.slice(end);
  }
  return answers;
}
