import { randomBytes } from 'node:crypto';
import { deflateRawSync, deflateSync, gunzipSync, gzipSync, inflateSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ServingError } from '../../../src/config/errors.ts';
import { decodeInferResponse } from '../../../src/protocol/decode-response.ts';
import { received, type SocketServer, startSocketServer } from './socket-client.ts';
import { binaryRequest, inputText, requestText } from './v2-requests.ts';

const MAX_BODY_BYTES = 256 * 1024;
let server: SocketServer;
beforeAll(async () => {
  server = await startSocketServer({ maxBodyBytes: MAX_BODY_BYTES });
});
afterAll(() => server.close());

const HEADER = 'inference-header-content-length';
const whole = requestText([inputText()]);
const rowsOf = (rows: number) => Float32Array.from({ length: 4 * rows }, (_, i) => i % 7);
const binaryOutput = '"parameters":{"binary_data_output":true}';

function largeRequest(rows: number) {
  const shape = `[${rows},4]`;
  const input = `{"name":"x","datatype":"FP32","shape":${shape},"parameters":{"binary_data_size":${16 * rows}}}`;
  return binaryRequest(requestText([input], binaryOutput), rowsOf(rows));
}

describe('compression', () => {
  it.each([
    ['gzip', gzipSync],
    ['x-gzip', gzipSync],
    ['GZIP', gzipSync],
    ['deflate', deflateSync],
    ['identity', Buffer.from],
  ] as const)(
    'case 69: a body in %s, with the header length of the uncompressed JSON',
    async (encoding, encode) => {
      const { body, headers } = largeRequest(100);
      const sent = { body: encode(body), headers: { ...headers, 'Content-Encoding': encoding } };
      const answer = await server.send(sent);
      expect(answer.status).toBe(200);
      expect(answer.headers['content-encoding']).toBeUndefined();
      const response = decodeInferResponse(answer.body, Number(answer.headers[HEADER]));
      expect(response.outputs[0]!.elements).toEqual(rowsOf(100));
    },
  );

  it.each([
    ['gzip', 'gzip', gunzipSync],
    ['deflate', 'deflate', inflateSync],
    ['deflate, gzip;q=0.5', 'gzip', gunzipSync],
    ['gzip;q=0, deflate', 'deflate', inflateSync],
  ] as const)('case 69: a response for Accept-Encoding: %s', async (accept, encoding, decode) => {
    const { body, headers } = largeRequest(100);
    const answer = await server.send({ body, headers: { ...headers, 'Accept-Encoding': accept } });
    expect(answer.headers['content-encoding']).toBe(encoding);
    expect(Number(answer.headers['content-length'])).toBe(answer.body.byteLength);
    const response = decodeInferResponse(decode(answer.body), Number(answer.headers[HEADER]));
    expect(response.outputs[0]!.elements).toEqual(rowsOf(100));
  });

  it('case 69: leaves a small response as it is, and one whose client takes nothing', async () => {
    const small = await server.send({ body: whole, headers: { 'Accept-Encoding': 'gzip' } });
    expect(small.headers['content-encoding']).toBeUndefined();
    const { body, headers } = largeRequest(100);
    const other = await server.send({ body, headers: { ...headers, 'Accept-Encoding': 'br, gzip;q=0.0' } });
    expect(other.headers['content-encoding']).toBeUndefined();
  });

  it.each(['br', 'compress', 'gzip, deflate', 'chunked'])(
    'case 70: refuses a body in %s',
    async (encoding) => {
      const answer = await server.send({ body: whole, headers: { 'Content-Encoding': encoding } });
      expect(answer.status).toBe(415);
      expect(JSON.parse(answer.body.toString()).error).toContain(
        `content encoding '${encoding}' is not supported`,
      );
    },
  );

  it.each([
    ['gzip', Buffer.from(whole)],
    ['deflate', deflateRawSync(whole)],
    ['gzip', gzipSync(whole).subarray(0, -9)],
    ['gzip', Buffer.alloc(0)],
  ])('refuses a body that is not %s', async (encoding, body) => {
    const answer = await server.send({ body, headers: { 'Content-Encoding': encoding } });
    expect([answer.status, JSON.parse(answer.body.toString()).error]).toEqual([
      400,
      `the body is not valid ${encoding}`,
    ]);
  });

  it.each([
    ['gzip', gzipSync],
    ['deflate', deflateSync],
  ] as const)('case 71: stops a bomb in %s at the limit', async (encoding, encode) => {
    const body = encode(Buffer.alloc(64 * 1024 * 1024));
    expect(body.byteLength).toBeLessThan(MAX_BODY_BYTES);
    const answer = await server.send({ body, headers: { 'Content-Encoding': encoding } });
    expect(answer.status).toBe(413);
    expect(JSON.parse(answer.body.toString()).error).toBe(`the body exceeds ${MAX_BODY_BYTES} bytes`);
  });
});

describe('bodies', () => {
  it('case 72: a chunked body of one byte per chunk', async () => {
    const answer = await server.send({ body: [...whole], headers: { 'Transfer-Encoding': 'chunked' } });
    expect(JSON.parse(answer.body.toString()).outputs[0].data).toEqual([1, 2, 3, 4]);
  });

  it('case 72: a large binary body in uneven chunks', async () => {
    const { body, headers } = largeRequest(10_000);
    const chunks: Uint8Array[] = [];
    for (let at = 0, size = 1; at < body.byteLength; at += size, size = (size * 7) % 4099) {
      chunks.push(body.subarray(at, at + size));
    }
    const answer = await server.send({ body: chunks, headers });
    const response = decodeInferResponse(answer.body, Number(answer.headers[HEADER]));
    expect(response.outputs[0]!.elements).toEqual(rowsOf(10_000));
  });

  it('case 73: refuses an announced size before a byte of the body has come', async () => {
    const socket = await server.open();
    const answer = received(socket, (text) => text.includes('bytes"}'));
    socket.write(
      `POST /v2/models/identity-fp32/infer HTTP/1.1\r\nHost: h\r\nContent-Length: 99999999999\r\n\r\n`,
    );
    const text = await answer;
    expect(text).toMatch(/^HTTP\/1\.1 413 /);
    expect(text.toLowerCase()).toContain('connection: close');
    expect(text).toContain(`{"error":"the body exceeds ${MAX_BODY_BYTES} bytes"}`);
    socket.destroy();
  });

  it('case 73: refuses a chunked body when it passes the limit, and stays live', async () => {
    const socket = await server.open();
    const answer = received(socket, (text) => text.includes('bytes"}'));
    socket.write(
      `POST /v2/models/identity-fp32/infer HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n`,
    );
    const chunk = randomBytes(64 * 1024);
    for (let i = 0; i < 5; i++)
      socket.write(Buffer.concat([Buffer.from('10000\r\n'), chunk, Buffer.from('\r\n')]));
    expect(await answer).toMatch(/^HTTP\/1\.1 413 /);
    socket.destroy();
    expect((await server.send({ body: whole })).status).toBe(200);
  });

  it('takes a body of exactly the limit', async () => {
    const padded = whole.padEnd(MAX_BODY_BYTES, ' ');
    expect((await server.send({ body: padded })).status).toBe(200);
    expect((await server.send({ body: `${padded} ` })).status).toBe(413);
  });
});

describe('HTTP/1.1', () => {
  const head = (length: number, extra = '') =>
    `POST /v2/models/identity-fp32/infer HTTP/1.1\r\nHost: h\r\nContent-Length: ${length}\r\n${extra}\r\n`;

  it('case 74: HEAD has the headers of GET and no body', async () => {
    const get = await server.send({ path: '/v2/models/fixed', method: 'GET' });
    const answer = await server.send({ path: '/v2/models/fixed', method: 'HEAD' });
    expect([answer.status, answer.body.byteLength]).toEqual([200, 0]);
    expect(answer.headers['content-type']).toBe(get.headers['content-type']);
    expect((await server.send({ path: '/v2/models/none', method: 'HEAD' })).status).toBe(404);
  });

  it('case 74: several requests on one connection, sent at once, are answered in order', async () => {
    const socket = await server.open();
    const bodies = ['a', 'b', 'c'].map((id) => requestText([inputText()], `"id":"${id}"`));
    const all = received(socket, (text) => text.split('"outputs"').length === 4);
    socket.write(bodies.map((body) => head(body.length) + body).join(''));
    expect([...(await all).matchAll(/"id":"(.)"/g)].map((match) => match[1])).toEqual(['a', 'b', 'c']);
    const again = received(socket, (text) => text.includes('"outputs"'));
    socket.write(head(whole.length) + whole);
    expect(await again).toContain('"data":[1,2,3,4]');
    socket.destroy();
  });

  it('case 74: a refusal leaves the connection usable', async () => {
    const socket = await server.open();
    const all = received(socket, (text) => text.includes('"outputs"'));
    socket.write(`${head(2)}{]${head(whole.length)}${whole}`);
    const text = await all;
    expect(text).toMatch(/^HTTP\/1\.1 400 /);
    expect(text).toContain('HTTP/1.1 200 OK');
    socket.destroy();
  });

  it.each([
    ['/v2/models/none/infer', 404],
    ['/v2/models/fixed', 405],
    ['/nothing', 404],
  ])(
    'case 74: a refusal of %s before its body was read leaves the connection usable',
    async (path, status) => {
      const socket = await server.open();
      const all = received(socket, (text) => text.includes('"outputs"'));
      socket.write(`POST ${path} HTTP/1.1\r\nHost: h\r\nContent-Length: ${whole.length}\r\n\r\n${whole}`);
      socket.write(head(whole.length) + whole);
      expect(await all).toMatch(new RegExp(`^HTTP/1\\.1 ${status} [^]*HTTP/1\\.1 200 OK`));
      socket.destroy();
    },
  );

  it.each([
    ['/v2/repository/index', 200, '"state":"READY"'],
    ['/v2/models/fixed/infer', 400, 'malformed JSON at character 0'],
  ])('takes a POST to %s with neither body nor Content-Length', async (path, status, content) => {
    const socket = await server.open();
    const answer = received(socket, (text) => text.includes(content));
    socket.write(`POST ${path} HTTP/1.1\r\nHost: h\r\n\r\n`);
    expect(await answer).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `));
    socket.destroy();
  });

  it('case 74: Expect: 100-continue', async () => {
    const socket = await server.open();
    const first = received(socket, (text) => text.includes('\r\n\r\n'));
    socket.write(head(whole.length, 'Expect: 100-continue\r\n'));
    expect(await first).toMatch(/^HTTP\/1\.1 100 Continue/);
    const second = received(socket, (text) => text.includes('"outputs"'));
    socket.write(whole);
    expect(await second).toMatch(/^HTTP\/1\.1 200 /);
    socket.destroy();
  });

  it('case 12: refuses paths that climb, as they are on the wire', async () => {
    for (const path of [
      '/v2/models/../fixed',
      '/v2/models/%2e%2e/infer',
      '/v2/models/..%2ffixed',
      '/v2/models/a%2Fb',
    ]) {
      const answer = await server.send({ path, method: 'GET' });
      expect([400, 404]).toContain(answer.status);
      expect(JSON.parse(answer.body.toString()).error).toEqual(expect.any(String));
    }
  });
});

describe('the life of a request', () => {
  it('case 75: a client that leaves cancels its work', async () => {
    const socket = await server.open();
    const { run } = server.plane;
    const cancelled = new Promise<void>((resolve) => {
      server.plane.run = (_model, _request, signal) =>
        new Promise((_, reject) => {
          signal.addEventListener('abort', () => {
            resolve();
            reject(new ServingError('UNAVAILABLE', 'cancelled'));
          });
          socket.destroy();
        });
    });
    socket.write(
      `POST /v2/models/identity-fp32/infer HTTP/1.1\r\nHost: h\r\nContent-Length: ${whole.length}\r\n\r\n${whole}`,
    );
    await cancelled;
    server.plane.run = run;
    expect((await server.send({ body: whole })).status).toBe(200);
  });

  it('a client that leaves in the middle of its body costs nothing', async () => {
    const before = server.plane.requests.length;
    const socket = await server.open();
    socket.write(
      `POST /v2/models/identity-fp32/infer HTTP/1.1\r\nHost: h\r\nContent-Length: 5000\r\n\r\n{"inputs":`,
    );
    socket.destroy();
    expect((await server.send({ body: whole })).status).toBe(200);
    expect(server.plane.requests.length).toBe(before + 1);
  });

  it.each([
    ['OVERLOADED', 503, '1'],
    ['UNAVAILABLE', 503, '1'],
    ['WORKER_LOST', 503, '1'],
    ['DEADLINE_EXCEEDED', 504, undefined],
    ['INFERENCE_FAILED', 500, undefined],
  ] as const)('case 76: %s is %i', async (code, status, retryAfter) => {
    const { run } = server.plane;
    server.plane.run = () => Promise.reject(new ServingError(code, 'the reason'));
    const answer = await server.send({ body: whole });
    server.plane.run = run;
    expect(answer.status).toBe(status);
    expect(answer.headers['retry-after']).toBe(retryAfter);
    expect(JSON.parse(answer.body.toString())).toEqual({ error: 'the reason' });
  });

  it('passes the headers on', async () => {
    await server.send({ body: whole, headers: { 'X-Session': 'camera 1' } });
    await server.send({ body: whole });
    expect(server.plane.requests.slice(-2).map(({ session }) => session)).toEqual(['camera 1', undefined]);
  });
});
