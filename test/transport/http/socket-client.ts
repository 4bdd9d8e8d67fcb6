import { request as httpRequest, type IncomingHttpHeaders, type Server } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { createAdaptorServer } from '@hono/node-server';
import { createApp } from '../../../src/transport/http/app.ts';
import type { HttpLimits } from '../../../src/transport/http/limits.ts';
import { createRepositoryRoutes } from '../../../src/transport/http/repository-routes.ts';
import { createFakePlane, type FakePlane } from './fake-plane.ts';
import { FakeRepositoryPlane } from './fake-repository-plane.ts';

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

export interface Sent {
  readonly path?: string;
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Several chunks are sent with chunked encoding. */
  readonly body?: Uint8Array | string | readonly (Uint8Array | string)[];
}

export interface SocketServer {
  readonly plane: FakePlane;
  readonly port: number;
  send(sent: Sent): Promise<Answer>;
  /** A bare connection, for what an HTTP client would not send. */
  open(): Promise<Socket>;
  close(): Promise<void>;
}

/** The application over the fake plane on a real socket. */
export async function startSocketServer(limits: Partial<HttpLimits> = {}): Promise<SocketServer> {
  const plane = createFakePlane();
  const app = createApp(plane, limits);
  app.route('/', createRepositoryRoutes(new FakeRepositoryPlane(), undefined));
  const server = createAdaptorServer({ fetch: app.fetch as never }) as Server;
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    plane,
    port,
    send: (sent) => send(port, sent),
    open: () => open(port),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/** A bare connection to a local port. */
export function open(port: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () => resolve(socket)).once('error', reject);
  });
}

/** One request on a connection of its own. */
export function send(
  port: number,
  { path = '/v2/models/identity-fp32/infer', method = 'POST', headers = {}, body = '' }: Sent,
) {
  return new Promise<Answer>((resolve, reject) => {
    const request = httpRequest(
      { port, host: '127.0.0.1', path, method, headers, agent: false },
      (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('end', () =>
          resolve({ status: response.statusCode!, headers: response.headers, body: Buffer.concat(chunks) }),
        );
      },
    );
    request.on('error', reject);
    if (Array.isArray(body)) {
      for (const chunk of body) request.write(chunk);
      request.end();
    } else request.end(body as Uint8Array | string);
  });
}

/** Everything that arrives on a connection until it satisfies `isEnough`, or the connection ends. */
export function received(socket: Socket, isEnough: (text: string) => boolean): Promise<string> {
  return new Promise((resolve) => {
    let text = '';
    socket.on('data', (chunk: Buffer) => {
      text += chunk.toString('latin1');
      if (isEnough(text)) resolve(text);
    });
    socket.on('close', () => resolve(text));
  });
}
