import { randomBytes } from 'node:crypto';
import { deflateRawSync, deflateSync, gunzipSync, gzipSync, inflateSync } from 'node:zlib';
import { expect } from 'vitest';
import { received } from '../../transport/http/socket-client.ts';
import { binaryRequest, inputText, requestText } from '../../transport/http/v2-requests.ts';
import type { ConformanceCase } from '../case.ts';
import { expectError, expectRefusal, outputsOf } from '../expectations.ts';
import type { Lab } from '../lab.ts';
import { asJson, binaryInput, ROW } from '../requests.ts';

const MAX_BODY_BYTES = 256 * 1024;
const limited = (lab: Lab) => lab.server('rows', { server: { maxBodyBytes: MAX_BODY_BYTES } });
const PATH = '/v2/models/rows/infer';
const whole = String(asJson([ROW]).body);
const row = ROW.bytes as Float32Array;

/** Enough rows for an answer that is worth compressing. */
const many = Float32Array.from({ length: 1000 }, (_, i) => i % 7);
const MANY = { shape: '[250,4]', data: `[${many.join(',')}]`, bytes: many };
const manyInBinary = () =>
  binaryRequest(requestText([binaryInput(MANY)], '"parameters":{"binary_data_output":true}'), many);

const head = (length: number, more = '', path = PATH) =>
  `POST ${path} HTTP/1.1\r\nHost: h\r\nContent-Length: ${length}\r\n${more}\r\n`;

/** Cases 69–74: compression, sizes and HTTP/1.1. */
export const TRANSPORT_CASES: readonly ConformanceCase[] = [
  {
    number: 69,
    title: 'gzip and deflate (zlib) both ways',
    source: 'T',
    answer:
      'taken, and given where `Accept-Encoding` allows and the answer has 1 KiB or more; the header counts the uncompressed JSON. A body that is not in its encoding is 400.',
    checks: {
      JSON: async (lab) => {
        const server = await limited(lab);
        const body = String(asJson([MANY]).body);
        for (const [encoding, encode, decode] of [
          ['gzip', gzipSync, gunzipSync],
          ['deflate', deflateSync, inflateSync],
        ] as const) {
          const headers = { 'Content-Encoding': encoding, 'Accept-Encoding': encoding };
          const answer = await server.send({ body: encode(body), headers });
          expect(answer.headers['content-encoding']).toBe(encoding);
          expect(outputsOf({ ...answer, body: decode(answer.body) })).toEqual({ y: many });
          const wrong = { body: deflateRawSync(body), headers: { 'Content-Encoding': encoding } };
          await expectRefusal(server, wrong, new RegExp(`^the body is not valid ${encoding}$`));
        }
      },
      binary: async (lab) => {
        const server = await limited(lab);
        const { body, headers } = manyInBinary();
        for (const [encoding, encode, decode] of [
          ['gzip', gzipSync, gunzipSync],
          ['deflate', deflateSync, inflateSync],
        ] as const) {
          const sent = { ...headers, 'Content-Encoding': encoding, 'Accept-Encoding': encoding };
          const answer = await server.send({ body: encode(body), headers: sent });
          expect(answer.headers['content-encoding']).toBe(encoding);
          expect(outputsOf({ ...answer, body: decode(answer.body) })).toEqual({ y: many });
        }
      },
    },
  },
  {
    number: 70,
    title: 'unknown content encoding',
    source: 'D',
    answer: '415, naming it.',
    checks: {
      HTTP: async (lab) => {
        for (const encoding of ['br', 'compress', 'gzip, deflate']) {
          const sent = { body: whole, headers: { 'Content-Encoding': encoding } };
          const reason = new RegExp(
            `^content encoding '${encoding}' is not supported, expected gzip or deflate$`,
          );
          expectError(await (await limited(lab)).send(sent), 415, reason);
        }
      },
    },
  },
  {
    number: 71,
    title: 'decompression bomb',
    source: 'T',
    answer: '413 at `server.maxBodyBytes`, without decompressing the rest.',
    checks: {
      HTTP: async (lab) => {
        for (const [encoding, encode] of [
          ['gzip', gzipSync],
          ['deflate', deflateSync],
        ] as const) {
          const body = encode(Buffer.alloc(64 << 20));
          expect(body.byteLength).toBeLessThan(MAX_BODY_BYTES);
          const answer = await (await limited(lab)).send({ body, headers: { 'Content-Encoding': encoding } });
          expectError(answer, 413, /^the body exceeds 262144 bytes$/);
        }
      },
    },
  },
  {
    number: 72,
    title: 'chunked bodies, many small chunks',
    source: 'T',
    answer: '200, down to one byte per chunk.',
    checks: {
      JSON: async (lab) => {
        expect(outputsOf(await (await limited(lab)).send({ body: [...whole] }))).toEqual({ y: row });
      },
      binary: async (lab) => {
        const { body, headers } = manyInBinary();
        const chunks: Uint8Array[] = [];
        for (let at = 0, size = 1; at < body.byteLength; at += size, size = (size * 7) % 101)
          chunks.push(body.subarray(at, at + size));
        expect(outputsOf(await (await limited(lab)).send({ body: chunks, headers }))).toEqual({ y: many });
      },
    },
  },
  {
    number: 73,
    title: 'oversized body',
    source: 'D',
    answer: '413 before it is buffered: at once where its length is announced, else as it passes the limit.',
    checks: {
      HTTP: async (lab) => {
        const server = await limited(lab);
        const announced = await server.open();
        const refusal = received(announced, (text) => text.includes('bytes"}'));
        announced.write(head(99_999_999_999));
        expect(await refusal).toMatch(/^HTTP\/1\.1 413 [\s\S]*\{"error":"the body exceeds 262144 bytes"\}/);
        announced.destroy();
        const chunked = await server.open();
        const later = received(chunked, (text) => text.includes('bytes"}'));
        chunked.write(`POST ${PATH} HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n`);
        const chunk = Buffer.concat([Buffer.from('10000\r\n'), randomBytes(0x10000), Buffer.from('\r\n')]);
        for (let i = 0; i < 5; i++) chunked.write(chunk);
        expect(await later).toMatch(/^HTTP\/1\.1 413 /);
        chunked.destroy();
        expect((await server.send({ body: whole.padEnd(MAX_BODY_BYTES) })).status).toBe(200);
      },
    },
  },
  {
    number: 74,
    title: 'HEAD, keep-alive, pipelining, Expect: 100-continue',
    source: 'D',
    answer:
      'HEAD has GET’s headers and no body; a connection serves on after answers and refusals alike; pipelined requests are answered in order; 100 Continue is sent.',
    checks: {
      HTTP: async (lab) => {
        const server = await limited(lab);
        const method = 'HEAD';
        const [get, without] = [
          await server.send({ path: '/v2/models/rows', method: 'GET' }),
          await server.send({ path: '/v2/models/rows', method }),
        ];
        expect([without.status, without.body.byteLength]).toEqual([200, 0]);
        expect(without.headers['content-type']).toBe(get.headers['content-type']);
        expect((await server.send({ path: '/v2/models/none', method })).status).toBe(404);

        const socket = await server.open();
        const all = received(socket, (text) => text.split('"outputs"').length === 4);
        const bodies = ['a', 'b', 'c'].map((id) => requestText([inputText()], `"id":"${id}"`));
        const unread = head(whole.length, '', '/v2/models/none/infer') + whole;
        socket.write(`${unread}${head(2)}{]${bodies.map((body) => head(body.length) + body).join('')}`);
        const text = await all;
        expect([...text.matchAll(/HTTP\/1\.1 (\d+)/g)].map((found) => found[1])).toEqual([
          '404',
          '400',
          '200',
          '200',
          '200',
        ]);
        expect([...text.matchAll(/"id":"(.)"/g)].map((found) => found[1])).toEqual(['a', 'b', 'c']);

        const goOn = received(socket, (answer) => answer.endsWith('\r\n\r\n'));
        socket.write(head(whole.length, 'Expect: 100-continue\r\n'));
        expect(await goOn).toMatch(/^HTTP\/1\.1 100 Continue/);
        const last = received(socket, (answer) => answer.includes('"outputs"'));
        socket.write(whole);
        expect(await last).toMatch(/^HTTP\/1\.1 200 /);
        socket.destroy();
      },
    },
  },
];
