import { once } from 'node:events';
import { connect } from 'node:net';
import { gzipSync } from 'node:zlib';
import {
  type CallOptions,
  compressionAlgorithms,
  credentials,
  Metadata,
  type ServiceError,
  status,
} from '@grpc/grpc-js';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type ErrorCode, ServingError } from '../../../src/config/errors.ts';
import type { Tensor } from '../../../src/protocol/types.ts';
import { type GrpcListening, type GrpcOptions, listenGrpc } from '../../../src/transport/grpc/server.ts';
import { createFakePlane, type FakePlane } from '../http/fake-plane.ts';
import { until } from '../http/until.ts';
import { type InferRequestMessage, type InferResponseMessage, messagesOf, OracleClient } from './oracle.ts';

const MAX_MESSAGE_BYTES = 4096;
const ADDRESS = { host: '127.0.0.1', port: 0 };

let plane: FakePlane;
let server: GrpcListening;
let client: InstanceType<typeof OracleClient>;
let reported: unknown[];

async function start(options: Partial<GrpcOptions> = {}): Promise<void> {
  await stop();
  plane = createFakePlane();
  reported = [];
  server = await listenGrpc(plane, ADDRESS, {
    maxMessageBytes: MAX_MESSAGE_BYTES,
    report: (error) => reported.push(error),
    ...options,
  });
  client = new OracleClient(server.address, credentials.createInsecure());
}

async function stop(): Promise<void> {
  client?.close();
  await server?.stop(0);
}

beforeEach(() => start());
afterEach(stop);

interface CallExtras {
  readonly metadata?: Readonly<Record<string, string>>;
  readonly options?: CallOptions;
  /** The message's bytes, when they are not the message's. */
  readonly bytes?: Uint8Array;
}

/** Calls an RPC; a call that fails gives its status. */
function call<T extends object>(
  method: string,
  message: object,
  { metadata = {}, options = {}, bytes }: CallExtras = {},
) {
  const { path, requestSerialize, responseDeserialize } = messagesOf(method);
  const sent = new Metadata();
  for (const [name, value] of Object.entries(metadata)) sent.set(name, value);
  const serialize = (content: object) =>
    bytes === undefined ? requestSerialize(content) : Buffer.from(bytes);
  let cancel = () => {};
  const answer = new Promise<T>((resolve, reject) => {
    const unary = client.makeUnaryRequest(
      path,
      serialize,
      responseDeserialize,
      message,
      sent,
      options,
      (error: ServiceError | null, content?: object) => {
        if (error === null) resolve(content as T);
        else reject(error);
      },
    );
    cancel = () => unary.cancel();
  });
  answer.catch(() => undefined);
  return { answer, cancel: () => cancel() };
}

const infer = (request: InferRequestMessage, extras?: CallExtras) =>
  call<InferResponseMessage>('ModelInfer', request, extras).answer;

const floats = (count: number, name = 'any-fp32'): InferRequestMessage => ({
  model_name: name,
  inputs: [{ name: 'x', datatype: 'FP32', shape: [count] }],
  raw_input_contents: [new Uint8Array(count * 4)],
});
const TYPED: InferRequestMessage = {
  model_name: 'any-fp32',
  inputs: [{ name: 'x', datatype: 'FP32', shape: [2], contents: { fp32_contents: [1.5, -2] } }],
};

describe('contents', () => {
  it('are answered as they were asked: raw for raw, typed for typed', async () => {
    const raw = await infer({ ...floats(2), raw_input_contents: [Float32Array.of(1.5, -2)].map(bytesOf) });
    expect(raw.raw_output_contents.map((bytes) => [...bytes])).toEqual([[0, 0, 0xc0, 0x3f, 0, 0, 0, 0xc0]]);
    expect(raw.outputs[0]!.contents).toBeUndefined();
    const typed = await infer(TYPED);
    expect(typed.raw_output_contents).toEqual([]);
    expect(typed.outputs[0]!.contents!.fp32_contents).toEqual([1.5, -2]);
  });

  it.each(['FP16', 'BF16'])(
    'of %s go raw, and come back raw where the request was typed',
    async (datatype) => {
      const model_name = `any-${datatype.toLowerCase()}`;
      const inputs = [{ name: 'x', datatype, shape: [1] }];
      const raw = await infer({ model_name, inputs, raw_input_contents: [Uint8Array.of(1, 0x3c)] });
      expect(raw.raw_output_contents.map((bytes) => [...bytes])).toEqual([[1, 0x3c]]);
      const typed = infer({ model_name, inputs: [{ ...inputs[0]!, contents: { fp32_contents: [1] } }] });
      await expect(typed).rejects.toMatchObject({
        code: status.INVALID_ARGUMENT,
        details: `input 'x': ${datatype} has no typed contents, use raw_input_contents`,
      });
      const half = { name: 'y', datatype, shape: [1], elements: Uint16Array.of(0x3c00) } as Tensor;
      plane.run = async () => [half];
      const { raw_output_contents } = await infer(TYPED);
      expect(raw_output_contents.map((bytes) => [...bytes])).toEqual([[0, 0x3c]]);
    },
  );

  it('of both kinds in one request are refused', async () => {
    const mixed = infer({ ...TYPED, raw_input_contents: [new Uint8Array(8)] });
    await expect(mixed).rejects.toMatchObject({
      code: status.INVALID_ARGUMENT,
      details: "input 'x': both 'contents' and 'raw_input_contents' are given",
    });
  });

  it('of BYTES have a length before each element', async () => {
    const inputs = [{ name: 'x', datatype: 'BYTES', shape: [2] }];
    const raw = Uint8Array.of(2, 0, 0, 0, 0xc3, 0x28, 0, 0, 0, 0);
    const { raw_output_contents } = await infer({
      model_name: 'any-bytes',
      inputs,
      raw_input_contents: [raw],
    });
    expect(raw_output_contents.map((bytes) => [...bytes])).toEqual([[...raw]]);
    const typed = await infer({
      model_name: 'any-bytes',
      inputs: [
        { ...inputs[0]!, contents: { bytes_contents: [Uint8Array.of(0xc3, 0x28), new Uint8Array()] } },
      ],
    });
    expect(typed.outputs[0]!.contents!.bytes_contents!.map((bytes) => [...bytes])).toEqual([
      [0xc3, 0x28],
      [],
    ]);
  });
});

function bytesOf(view: ArrayBufferView): Uint8Array {
  return new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
}

describe('a message', () => {
  it('beyond the limit is refused before it is read', async () => {
    await expect(infer(floats(MAX_MESSAGE_BYTES))).rejects.toMatchObject({
      code: status.RESOURCE_EXHAUSTED,
      details: expect.stringMatching(/^Received message larger than max \(\d+ vs 4096\)$/),
    });
    expect((await infer(floats(900))).outputs[0]!.shape).toEqual(['900']);
  });

  it('may be compressed, but never beyond the limit', async () => {
    client.close();
    client = new OracleClient(server.address, credentials.createInsecure(), {
      'grpc.default_compression_algorithm': compressionAlgorithms.gzip,
    });
    expect((await infer({ ...floats(500), id: 'z'.repeat(400) })).id).toBe('z'.repeat(400));
    const bomb = messagesOf('ModelInfer').requestSerialize(floats(100_000));
    expect(gzipSync(bomb).byteLength).toBeLessThan(MAX_MESSAGE_BYTES);
    await expect(infer(floats(100_000))).rejects.toMatchObject({
      code: status.RESOURCE_EXHAUSTED,
      details: 'Received message that decompresses to a size larger than 4096',
    });
  });

  it('that is no protobuf is an invalid argument, and the next one is answered', async () => {
    for (const bytes of [
      Uint8Array.of(0xff),
      Uint8Array.of(0x0a, 0x09, 0x61),
      new Uint8Array(64).fill(0x0b),
    ]) {
      await expect(infer(TYPED, { bytes })).rejects.toMatchObject({
        code: status.INVALID_ARGUMENT,
        details: expect.stringMatching(/^malformed message: /),
      });
      await expect(call('ModelMetadata', {}, { bytes }).answer).rejects.toMatchObject({
        code: status.INVALID_ARGUMENT,
      });
    }
    expect(await call('ServerLive', {}).answer).toEqual({ live: true });
    expect(reported).toEqual([]);
  });

  it('that is empty names no model', async () => {
    await expect(infer(TYPED, { bytes: new Uint8Array() })).rejects.toMatchObject({
      code: status.NOT_FOUND,
      details: "Request for unknown model: '' is not found",
    });
  });

  it('to an RPC that is none of the service is unimplemented', async () => {
    const { requestSerialize, responseDeserialize } = messagesOf('ServerLive');
    const path = '/inference.GRPCInferenceService/ModelStreamInfer';
    const answer = new Promise((resolve) => {
      client.makeUnaryRequest(path, requestSerialize, responseDeserialize, {}, resolve);
    });
    expect(await answer).toMatchObject({ code: status.UNIMPLEMENTED });
  });
});

describe('a call', () => {
  it('hands its metadata on, as headers', async () => {
    await infer(TYPED, { metadata: { 'x-session': 'camera 1' } });
    await infer(TYPED);
    expect(plane.requests.slice(-2).map(({ session }) => session)).toEqual(['camera 1', undefined]);
  });

  it('hands its version and parameters on', async () => {
    await infer({ ...TYPED, model_version: '03', parameters: { pruning: { string_param: 'off' } } });
    expect(plane.requests).toMatchObject([
      { version: '3', request: { parameters: { pruning: 'off' }, outputs: [] } },
    ]);
  });

  it('that the client cancels aborts its work', async () => {
    let aborted = false;
    let isRunning = false;
    plane.run = (_model, _request, signal) => {
      isRunning = true;
      return new Promise((_, reject) => {
        signal.addEventListener('abort', () => {
          aborted = true;
          reject(new ServingError('UNAVAILABLE', 'gone'));
        });
      });
    };
    const { answer, cancel } = call('ModelInfer', TYPED);
    await until(() => isRunning);
    expect(aborted).toBe(false);
    cancel();
    await expect(answer).rejects.toMatchObject({ code: status.CANCELLED });
    await until(() => aborted);
    expect(reported).toEqual([]);
  });

  it('has its deadline as the request’s, and is over then', async () => {
    let aborted = false;
    plane.run = (_model, _request, signal) =>
      new Promise((_, reject) => {
        signal.addEventListener('abort', () => {
          aborted = true;
          reject(new ServingError('UNAVAILABLE', 'gone'));
        });
      });
    const deadline = new Date(Date.now() + 2000);
    await expect(infer(TYPED, { options: { deadline } })).rejects.toMatchObject({
      code: status.DEADLINE_EXCEEDED,
    });
    await until(() => aborted);
    const { timeoutMs } = plane.requests[0]!;
    expect(timeoutMs).toBeGreaterThan(0);
    expect(timeoutMs).toBeLessThanOrEqual(2001);
    plane.run = async () => [];
    await infer({ ...TYPED, outputs: [] });
    expect(plane.requests[1]!.timeoutMs).toBeUndefined();
  });

  it('is answered to callers who may call; liveness and readiness to everybody', async () => {
    await start({ tokens: { data: 'right-token' } });
    const asked = { name: 'any-fp32' };
    for (const [method, message] of [
      ['ModelInfer', TYPED],
      ['ModelReady', asked],
      ['ModelMetadata', asked],
      ['ServerMetadata', {}],
    ] as const) {
      const as = (authorization?: string) =>
        call(method, message, authorization === undefined ? {} : { metadata: { authorization } }).answer;
      await expect(as()).rejects.toMatchObject({
        code: status.UNAUTHENTICATED,
        details: 'a bearer token or an API key is needed',
      });
      await expect(as('Bearer wrong')).rejects.toMatchObject({ code: status.UNAUTHENTICATED });
      expect(await as('Bearer right-token')).toBeDefined();
    }
    expect(await call('ServerLive', {}).answer).toEqual({ live: true });
    expect(await call('ServerReady', {}).answer).toEqual({ ready: true });
  });
});

describe('an error of the data plane', () => {
  it.each<[ErrorCode, status]>([
    ['INVALID_REQUEST', status.INVALID_ARGUMENT],
    ['UNKNOWN_MODEL', status.NOT_FOUND],
    ['OVERLOADED', status.RESOURCE_EXHAUSTED],
    ['UNAVAILABLE', status.UNAVAILABLE],
    ['WORKER_LOST', status.UNAVAILABLE],
    ['DEADLINE_EXCEEDED', status.DEADLINE_EXCEEDED],
    ['INFERENCE_FAILED', status.INTERNAL],
  ])('%s has a status of its own and its message', async (code, expected) => {
    plane.run = () => Promise.reject(new ServingError(code, `because: 100 %, "ü"\nand more`));
    await expect(infer(TYPED)).rejects.toMatchObject({
      code: expected,
      details: `because: 100 %, "ü"\nand more`,
    });
    expect(reported).toHaveLength(code === 'INFERENCE_FAILED' ? 1 : 0);
  });

  it('that nobody foresaw is reported, and its message stays inside', async () => {
    const error = new TypeError('secret');
    plane.run = () => Promise.reject(error);
    await expect(infer(TYPED)).rejects.toMatchObject({ code: status.INTERNAL, details: 'internal error' });
    expect(reported).toEqual([error]);
  });

  it('may have a message that is too long, or cut within a character', async () => {
    const model_name = `${'n'.repeat(79)}🙂`;
    await expect(
      infer({ ...TYPED, inputs: [{ ...TYPED.inputs[0]!, name: model_name }] }),
    ).rejects.toMatchObject({
      code: status.INVALID_ARGUMENT,
      details: expect.stringContaining(`'${'n'.repeat(79)}\ufffd…'`),
    });
    plane.run = () => Promise.reject(new ServingError('INVALID_REQUEST', '日'.repeat(50_000)));
    await expect(infer(TYPED)).rejects.toMatchObject({ details: '日'.repeat(1024) });
    expect(await call('ServerLive', {}).answer).toEqual({ live: true });
  });
});

describe('a server', () => {
  it('goes on after bytes that are no HTTP/2, and after connections that break off', async () => {
    for (const bytes of [
      'GET / HTTP/1.1\r\n\r\n',
      'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\u0000\u0000\u0010',
      '\u0000',
    ]) {
      const socket = connect(server.port, '127.0.0.1');
      socket.on('error', () => undefined);
      await once(socket, 'connect');
      socket.write(bytes);
      socket.destroySoon();
      await once(socket, 'close');
    }
    expect((await infer(TYPED)).model_name).toBe('any-fp32');
  });

  it('that stops lets calls under way finish and takes no new ones', async () => {
    let release = () => {};
    plane.run = (_model, { inputs }) =>
      new Promise((resolve) => {
        release = () => resolve([{ ...inputs[0]!, name: 'y' }]);
      });
    const answer = infer(TYPED);
    await until(() => plane.requests.length === 1);
    const stopped = server.stop(10_000);
    const late = new OracleClient(server.address, credentials.createInsecure());
    const refused = new Promise((resolve) => {
      const { path, requestSerialize, responseDeserialize } = messagesOf('ServerLive');
      late.makeUnaryRequest(path, requestSerialize, responseDeserialize, {}, resolve);
    });
    expect(await refused).toMatchObject({ code: status.UNAVAILABLE });
    late.close();
    release();
    expect((await answer).outputs[0]!.contents!.fp32_contents).toEqual([1.5, -2]);
    await stopped;
  });

  it('that stops cuts what takes longer than it may, and does not wait for clients that ask nothing', async () => {
    const idle = new OracleClient(server.address, credentials.createInsecure());
    await new Promise<void>((resolve, reject) =>
      idle.waitForReady(Date.now() + 5000, (error) => (error ? reject(error) : resolve())),
    );
    const silent = connect(server.port, '127.0.0.1');
    await once(silent, 'connect');
    await server.stop(60_000);
    idle.close();
    silent.destroy();
    await start();
    plane.run = () => new Promise(() => undefined);
    const answer = infer(TYPED);
    await until(() => plane.requests.length === 1);
    await server.stop(50);
    await expect(answer).rejects.toMatchObject({ code: status.CANCELLED });
  });

  it('says that its port is taken, or that its host is none of this machine', async () => {
    const options = { maxMessageBytes: MAX_MESSAGE_BYTES };
    const again = listenGrpc(plane, { host: '127.0.0.1', port: server.port }, options);
    await expect(again).rejects.toMatchObject({
      code: 'ADDRESS_IN_USE',
      message: `127.0.0.1:${server.port} is in use; choose another with --grpc-port, or 0 for a free one`,
    });
    await expect(listenGrpc(plane, { host: '192.0.2.1', port: 0 }, options)).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
      message: expect.stringContaining('cannot listen on 192.0.2.1:0'),
    });
  });

  it('listens on IPv6 too', async () => {
    const six = await listenGrpc(plane, { host: '::1', port: 0 }, { maxMessageBytes: MAX_MESSAGE_BYTES });
    expect(six.address).toBe(`[::1]:${six.port}`);
    const other = new OracleClient(six.address, credentials.createInsecure());
    const { path, requestSerialize, responseDeserialize } = messagesOf('ServerLive');
    const live = await new Promise((resolve) => {
      other.makeUnaryRequest(path, requestSerialize, responseDeserialize, {}, (_, answer) => resolve(answer));
    });
    expect(live).toEqual({ live: true });
    other.close();
    await six.stop(0);
  });
});
