/** What is bounded over all clients, over real sockets. */

import type { Socket } from 'node:net';
import { gzipSync } from 'node:zlib';
import { credentials, status } from '@grpc/grpc-js';
import { afterEach, describe, expect, it } from 'vitest';
import { BufferedBytes } from '../../src/transport/buffered-bytes.ts';
import { listenGrpc } from '../../src/transport/grpc/server.ts';
import { httpApplication } from '../../src/transport/http/application.ts';
import type { HttpLimits } from '../../src/transport/http/limits.ts';
import { type Listening, type ListenOptions, listen } from '../../src/transport/http/server.ts';
import { OracleClient } from './grpc/oracle.ts';
import { createFakePlane } from './http/fake-plane.ts';
import { FakePruningPlane } from './http/fake-pruning-plane.ts';
import { FakeRepositoryPlane } from './http/fake-repository-plane.ts';
import { open, received, send } from './http/socket-client.ts';
import { until } from './http/until.ts';
import { binaryRequest, inputText, requestText } from './http/v2-requests.ts';

const MB = 1 << 20;
const INFER = '/v2/models/identity-fp32/infer';
const whole = requestText([inputText()]);

/** Remembers the most that was ever held. */
class Watched extends BufferedBytes {
  most = 0;
  override open(announced?: number) {
    const memory = super.open(announced);
    const add = memory.add.bind(memory);
    memory.add = (bytes) => {
      add(bytes);
      this.most = Math.max(this.most, this.bytes);
    };
    return memory;
  }
}

let server: Listening | undefined;
afterEach(() => server?.stop(0));

async function serving(limits: Partial<HttpLimits>, options: Partial<ListenOptions> = {}) {
  const plane = createFakePlane();
  const planes = {
    inference: plane,
    pruning: new FakePruningPlane(),
    repository: new FakeRepositoryPlane(),
    expose: async () => ({ contentType: 'text/plain', body: '' }),
  };
  const report = () => undefined;
  const { routes, answerDirectly } = httpApplication(planes, {
    tokens: {},
    openMetrics: false,
    report,
    ...limits,
  });
  server = await listen(routes, { host: '127.0.0.1', port: 0, answerDirectly, ...options });
  return { plane, port: server.port };
}

/** A request of which `sent` of `announced` bytes come. */
async function half(port: number, announced: number, sent: number): Promise<Socket> {
  const socket = await open(port);
  socket.on('error', () => undefined);
  socket.write(`POST ${INFER} HTTP/1.1\r\nHost: h\r\nContent-Length: ${announced}\r\n\r\n`);
  socket.write(Buffer.alloc(sent, ' '));
  return socket;
}

describe('server.maxBufferedBytes', () => {
  it('bounds bodies that are half here: another is 503 before it is read, until one of them is gone', async () => {
    let refusals = 0;
    const buffered = new Watched(8 * MB, () => refusals++);
    const { port } = await serving({ buffered });
    const halves: Socket[] = [];
    for (let i = 0; i < 3; i++) halves.push(await half(port, 2 * MB, 2 * MB - 1));
    await until(() => buffered.bytes > 6 * MB - 100);
    // It sends no body at all, and is answered all the same.
    const late = await half(port, 4 * MB, 0);
    const answer = await received(late, (text) => text.endsWith('}'));
    expect(answer).toMatch(
      /^HTTP\/1\.1 503 [\s\S]*\r\nretry-after: 1\r\n[\s\S]*leave no room for another"}$/i,
    );
    expect(refusals).toBe(1);
    late.destroy();
    // Small ones still have room.
    expect((await send(port, { body: whole })).status).toBe(200);
    for (const socket of halves) socket.destroy();
    await until(() => buffered.bytes === 0);
    expect((await send(port, { body: Buffer.alloc(4 * MB, ' ') })).status).toBe(400);
    expect(buffered.bytes).toBe(0);
  });

  it('takes no room for what is only announced', async () => {
    const buffered = new Watched(8 * MB);
    const { port } = await serving({ buffered });
    const idle = [];
    for (let i = 0; i < 20; i++) idle.push(await half(port, 8 * MB, 0));
    expect((await send(port, { body: whole })).status).toBe(200);
    for (const socket of idle) socket.destroy();
  });

  it.each([
    ['announced', { body: Buffer.alloc(9 * MB) }],
    ['chunked', { body: Array.from({ length: 9 }, () => Buffer.alloc(MB)) }],
    ['compressed', { body: gzipSync(Buffer.alloc(9 * MB, ' ')), headers: { 'Content-Encoding': 'gzip' } }],
  ])('answers 413 where one body alone is too large: %s', async (_how, sent) => {
    const buffered = new Watched(8 * MB);
    const { port } = await serving({ buffered, maxBodyBytes: 64 * MB });
    const answer = await send(port, sent).catch(() => undefined);
    expect([413, undefined]).toContain(answer?.status);
    await until(() => buffered.bytes === 0);
    expect(buffered.most).toBeLessThanOrEqual(8 * MB);
  });

  it('bounds sixty small bodies that become large ones', async () => {
    const buffered = new Watched(32 * MB);
    const { port } = await serving({ buffered, maxBodyBytes: 16 * MB, refusalDelayMs: 0 });
    const body = gzipSync(Buffer.concat([Buffer.alloc(15 * MB, ' '), Buffer.from(whole)]));
    expect(body.byteLength).toBeLessThan(64 << 10);
    const headers = { 'Content-Encoding': 'gzip' };
    const answers = await Promise.all(Array.from({ length: 60 }, () => send(port, { body, headers })));
    const statuses = answers.map((answer) => answer.status);
    expect(statuses.filter((code) => code !== 200 && code !== 503)).toEqual([]);
    expect(statuses.filter((code) => code === 503).length).toBeGreaterThan(0);
    expect(buffered.most).toBeLessThanOrEqual(32 * MB);
    expect(buffered.bytes).toBe(0);
    expect((await send(port, { body, headers })).status).toBe(200);
  });

  it('counts bodies that wait to be run, and what their JSON became', async () => {
    const buffered = new Watched(1 * MB);
    const { plane, port } = await serving({ buffered });
    let finish: () => void = () => undefined;
    const running = new Promise<void>((resolve) => {
      finish = resolve;
    });
    plane.run = async (_model, { inputs }) => {
      await running;
      return inputs.map((input) => ({ ...input, name: 'y' }));
    };
    const numbers = `[${new Array(40_000).fill(0).join()}]`;
    const json = requestText([`{"name":"x","datatype":"FP64","shape":[10000,4],"data":${numbers}}`]);
    const waiting = [0, 1, 2].map(() => send(port, { path: '/v2/models/identity-fp64/infer', body: json }));
    await until(() => buffered.bytes >= 3 * 40_000 * 8);
    const rows = new Float32Array(4 * 10_000);
    const { body, headers } = binaryRequest(
      requestText([
        '{"name":"x","datatype":"FP32","shape":[10000,4],"parameters":{"binary_data_size":160000}}',
      ]),
      rows,
    );
    expect((await send(port, { body, headers })).status).toBe(503);
    finish();
    expect((await Promise.all(waiting)).map((answer) => answer.status)).toEqual([200, 200, 200]);
    expect(buffered.bytes).toBe(0);
  });

  it('counts messages of gRPC with them', async () => {
    const buffered = new Watched(1 * MB);
    const grpc = await listenGrpc(
      createFakePlane(),
      { host: '127.0.0.1', port: 0 },
      { maxMessageBytes: 4 * MB, buffered },
    );
    const client = new OracleClient(grpc.address, credentials.createInsecure());
    const infer = (rows: number) =>
      new Promise((resolve) =>
        client.ModelInfer!(
          {
            model_name: 'identity-fp32',
            inputs: [{ name: 'x', datatype: 'FP32', shape: [rows, 4] }],
            raw_input_contents: [new Uint8Array(16 * rows)],
          },
          (error: { code: number; details: string } | null) => resolve(error?.code ?? 'ok'),
        ),
      );
    expect(await infer(10)).toBe('ok');
    expect(await infer(80_000)).toBe(status.RESOURCE_EXHAUSTED);
    const memory = buffered.open();
    memory.add(MB - 100);
    expect(await infer(10)).toBe(status.RESOURCE_EXHAUSTED);
    memory.release();
    expect(await infer(10)).toBe('ok');
    expect(buffered.bytes).toBe(0);
    client.close();
    await grpc.stop(0);
  });
});

describe('server.maxConnections', () => {
  it('answers one more 503 and closes it, whatever it asks, until another has gone', async () => {
    let refused = 0;
    const { port } = await serving({}, { maxConnections: 2, onConnectionRefused: () => refused++ });
    const kept = [await open(port), await open(port)];
    const third = await open(port);
    third.on('error', () => undefined);
    third.write(`POST ${INFER} HTTP/1.1\r\nHost: h\r\nContent-Length: ${whole.length}\r\n\r\n${whole}`);
    const answer = await received(third, () => false);
    expect(answer).toMatch(
      /^HTTP\/1\.1 503 [\s\S]*\r\nRetry-After: 1\r\n[\s\S]*"the server has as many connections as it may"}$/,
    );
    expect(answer.match(/HTTP\/1\.1/g)).toHaveLength(1);
    expect(refused).toBe(1);
    kept[0]!.destroy();
    await until(async () => (await send(port, { body: whole })).status === 200);
    kept[1]!.destroy();
  });

  it('closes hundreds more, and serves on', async () => {
    let refused = 0;
    const { port } = await serving({}, { maxConnections: 1, onConnectionRefused: () => refused++ });
    const kept = await open(port);
    const many = await Promise.all(Array.from({ length: 200 }, () => open(port)));
    await Promise.all(
      many.map((socket) =>
        received(
          socket.on('error', () => undefined),
          () => false,
        ),
      ),
    );
    expect(refused).toBe(200);
    const answer = received(kept, (text) => text.includes('"outputs"'));
    kept.write(`POST ${INFER} HTTP/1.1\r\nHost: h\r\nContent-Length: ${whole.length}\r\n\r\n${whole}`);
    expect(await answer).toContain('HTTP/1.1 200 OK');
    kept.destroy();
  });

  it('holds for gRPC too, where one more is closed', async () => {
    let refused = 0;
    const grpc = await listenGrpc(
      createFakePlane(),
      { host: '127.0.0.1', port: 0 },
      { maxMessageBytes: MB, maxConnections: 1, onConnectionRefused: () => refused++ },
    );
    const kept = await open(grpc.port);
    await until(async () => {
      const other = await open(grpc.port);
      await new Promise((resolve) => other.on('error', () => undefined).on('close', resolve));
      return refused > 0;
    });
    kept.destroy();
    await grpc.stop(0);
  });
});

it('server.maxEventStreams: one more is 503, until another has gone', async () => {
  let refused = 0;
  const { port } = await serving({ maxEventStreams: 2, onStreamRefused: () => refused++ });
  const ask = async () => {
    const socket = await open(port);
    socket.on('error', () => undefined);
    const head = received(socket, (text) => text.includes('\r\n\r\n'));
    socket.write('GET /v2/models/m/pruning/events HTTP/1.1\r\nHost: h\r\n\r\n');
    return { socket, status: Number((await head).slice(9, 12)) };
  };
  const streams = [await ask(), await ask()];
  expect(streams.map((stream) => stream.status)).toEqual([200, 200]);
  const third = await ask();
  expect([third.status, refused]).toEqual([503, 1]);
  streams[0]!.socket.destroy();
  await until(async () => {
    const again = await ask();
    again.socket.destroy();
    return again.status === 200;
  });
  streams[1]!.socket.destroy();
  third.socket.destroy();
});
