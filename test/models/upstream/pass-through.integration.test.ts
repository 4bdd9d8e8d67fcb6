// What taustat does not answer itself goes to the upstream server untouched, over both protocols.

import { request } from 'node:http';
import { Client, credentials, Metadata } from '@grpc/grpc-js';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { decodeInferResponse } from '../../../src/protocol/grpc/decode-response.ts';
import { encodeInferRequest } from '../../../src/protocol/grpc/encode-request.ts';
import type { GrpcListening } from '../../../src/transport/grpc/server.ts';
import { type Listening, listen } from '../../../src/transport/http/server.ts';
import { bytesOf, perceptron, perceptronInput, perceptronReference } from '../../runtime/small-models.ts';
import { PLAIN } from '../../runtime/upstream/upstream-lab.ts';
import { Independent } from '../../upstream/independent.ts';
import { type Front, openFront } from './front.ts';

const x = perceptronInput(2);
const y = perceptronReference(Array.from(x.elements as Float32Array)).y;
const body = JSON.stringify({
  inputs: [{ name: 'x', datatype: 'FP32', shape: [2, 4], data: Array.from(x.elements as Float32Array) }],
});

describe('what is not answered here', () => {
  let server: Independent;
  let front: Front;
  let http: Listening;
  let grpc: GrpcListening;
  beforeAll(async () => {
    const model = bytesOf(perceptron());
    server = await Independent.start({ [PLAIN]: model, other: model });
    front = await openFront(server.http, {
      upstream: { models: [{ name: PLAIN }], passThroughUrl: server.grpc },
      server: { token: 'token-of-taustat' },
      control: { token: 'token-of-changes' },
    });
    const { routes, answerDirectly } = front.taustat;
    http = await listen(routes, { host: '127.0.0.1', port: 0, answerDirectly });
    grpc = await front.taustat.listenGrpc({ host: '127.0.0.1', port: 0 });
  });
  afterAll(async () => {
    await Promise.all([http.stop(0), grpc.stop(0)]);
    await front.taustat.close();
    await server.close();
  });
  const authorization = 'Bearer token-of-taustat';
  const ask = (path: string, init: RequestInit = {}) =>
    fetch(`${http.url}${path}`, { ...init, headers: { authorization, ...init.headers } });

  it('another model: its metadata, readiness and answers', async () => {
    const metadata = await ask('/v2/models/other');
    expect(await metadata.json()).toMatchObject({ name: 'other', platform: 'onnx' });
    expect((await ask('/v2/models/other/ready')).status).toBe(200);
    const answer = await ask('/v2/models/other/infer', { method: 'POST', body });
    expect(answer.status).toBe(200);
    const { outputs, parameters } = (await answer.json()) as {
      outputs: { data: number[] }[];
      parameters?: unknown;
    };
    expect(outputs[0]!.data).toEqual(y);
    // Nothing of this server is in it.
    expect(parameters).toBeUndefined();
    const missing = await ask('/v2/models/nobody');
    expect(missing.status).toBe(404);
    expect(await missing.json()).toEqual({ error: "Request for unknown model: 'nobody' is not found" });
  });

  it('its own model is answered here', async () => {
    const answer = await ask(`/v2/models/${PLAIN}/infer`, { method: 'POST', body });
    expect(await answer.json()).toMatchObject({ parameters: { threshold: 0 }, outputs: [{ data: y }] });
  });

  it('needs the token of this server, which stays here', async () => {
    expect((await fetch(`${http.url}/v2/models/other`)).status).toBe(401);
    expect((await fetch(`${http.url}/v2/custom/echo`)).status).toBe(401);
    await ask('/v2/models/other/infer', { method: 'POST', body, headers: { 'x-own': 'kept' } });
    const { headers } = await server.seen();
    expect(headers).toMatchObject({ 'x-own': 'kept' });
    expect(headers).not.toHaveProperty('authorization');
  });

  it('changes of the server need the control token of this one, which it may trust more than its clients', async () => {
    const changes = [
      ['PUT', '/v2/models/other/pruning'],
      ['POST', '/v2/models/other/trace/setting'],
      ['GET', '/v2/models/other/pruning/inputs'],
      ['POST', '/v2/trace/setting'],
      ['POST', '/v2/logging'],
    ] as const;
    for (const [method, path] of changes) {
      const init = { method, ...(method === 'GET' ? {} : { body: '{}' }) };
      expect([path, (await ask(path, init)).status]).toEqual([path, 401]);
      const headers = { authorization: 'Bearer token-of-changes' };
      expect([path, (await ask(path, { ...init, headers })).status]).toEqual([path, 404]);
    }
  });

  it('a path that is unknown here, with its method, query and status', async () => {
    const answer = await ask('/v2/custom/echo', { method: 'PATCH', body: 'second' });
    expect(answer.status).toBe(201);
    expect(answer.headers.get('x-method')).toBe('PATCH');
    expect(await answer.text()).toBe('first SECOND');
    expect((await ask('/unknown')).status).toBe(404);
  });

  it('a body comes back piece by piece, before its end is there', async () => {
    const { port } = http;
    const pieces = await new Promise<string[]>((resolve, reject) => {
      const headers = { authorization };
      const asked = request({ port, path: '/v2/custom/echo', method: 'POST', headers }, (response) => {
        const seen: string[] = [];
        response.on('data', (piece: Buffer) => seen.push(piece.toString()));
        response.on('end', () => resolve(seen));
      });
      asked.on('error', reject);
      asked.end('x');
    });
    expect(pieces).toEqual(['first ', 'X']);
  });

  it('calls of gRPC that name another model, and errors of the server', async () => {
    const client = new Client(grpc.address, credentials.createInsecure());
    const metadata = new Metadata();
    metadata.set('authorization', authorization);
    const call = (model: string, sent = metadata): Promise<Uint8Array> =>
      new Promise((resolve, reject) => {
        client.makeUnaryRequest(
          '/inference.GRPCInferenceService/ModelInfer',
          (bytes: Buffer) => bytes,
          (bytes) => bytes,
          encodeInferRequest(model, { parameters: {}, inputs: [x] }, true),
          sent,
          (error, answer) => (error === null ? resolve(answer!) : reject(error)),
        );
      });
    const [output] = decodeInferResponse(await call('other'));
    expect(Array.from(output!.elements as Float32Array)).toEqual(y);
    await expect(call('nobody')).rejects.toMatchObject({
      code: 5,
      details: "Request for unknown model: 'nobody' is not found",
    });
    await expect(call('other', new Metadata())).rejects.toMatchObject({ code: 16 });
    // A change of the server: for those who may change this one.
    const set = (sent: Metadata) =>
      new Promise((resolve) => {
        const path = '/inference.GRPCInferenceService/LogSettings';
        const empty = Buffer.alloc(0);
        client.makeUnaryRequest(path, Buffer.from, Buffer.from, empty, sent, (error) => resolve(error?.code));
      });
    expect(await set(metadata)).toBe(16);
    const mayChange = new Metadata();
    mayChange.set('authorization', 'Bearer token-of-changes');
    expect(await set(mayChange)).toBe(12);
    expect((await server.seen()).headers).not.toHaveProperty('authorization');
    client.close();
  });

  it('a stream of messages, each as it comes', async () => {
    const client = new Client(grpc.address, credentials.createInsecure());
    const open = (metadata: Metadata) =>
      client.makeBidiStreamRequest(
        '/inference.GRPCInferenceService/ModelStreamInfer',
        (text: string) => Buffer.from(text),
        (bytes) => bytes.toString(),
        metadata,
      );
    const metadata = new Metadata();
    metadata.set('authorization', authorization);
    const stream = open(metadata);
    const next = () => new Promise<string>((resolve) => stream.once('data', resolve));
    for (const word of ['one', 'two']) {
      const answer = next();
      stream.write(word);
      expect(await answer).toBe(`re: ${word}`);
    }
    const ended = new Promise((resolve) => stream.once('end', resolve));
    stream.end();
    await ended;
    const refused = open(new Metadata());
    const error = new Promise((resolve) => refused.on('error', resolve).on('data', () => undefined));
    expect(await error).toMatchObject({ code: 16 });
    client.close();
  });

  it('a stream that its client reads slowly: what is not read yet stays where it comes from', async () => {
    const client = new Client(grpc.address, credentials.createInsecure(), {
      'grpc.max_receive_message_length': -1,
    });
    const metadata = new Metadata();
    metadata.set('authorization', authorization);
    const stream = client.makeBidiStreamRequest(
      '/inference.GRPCInferenceService/ModelStreamInfer',
      (text: string) => Buffer.from(text),
      (bytes) => bytes.length,
      metadata,
    );
    const PIECES = 4096;
    let bytes = 0;
    let isSlow = true;
    stream.on('data', (length: number) => {
      bytes += length;
      if (isSlow) stream.pause();
    });
    stream.write(`flood ${PIECES}`);
    let flooded = 0;
    for (let still = 0; still < 20; await new Promise((resolve) => setTimeout(resolve, 50))) {
      const now = (await server.seen()).flooded;
      still = now > 0 && now === flooded ? still + 1 : 0;
      flooded = now;
    }
    expect(flooded).toBeLessThan(PIECES / 4);
    const ended = new Promise((resolve) => stream.once('end', resolve));
    isSlow = false;
    stream.resume();
    await ended;
    expect(bytes).toBe(PIECES << 16);
    client.close();
  });

  it('is 503 while the server is away', async () => {
    await server.kill();
    const answer = await ask('/v2/models/other');
    expect(answer.status).toBe(503);
    expect(((await answer.json()) as { error: string }).error).toMatch(/upstream/);
    // It is no failure of this server's.
    expect(front.log.filter((line) => line.includes('request failed'))).toEqual([]);
    await server.restart();
    expect((await ask('/v2/models/other')).status).toBe(200);
  });
});
