import { once } from 'node:events';
import type { Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createApp } from '../../../src/transport/http/app.ts';
import { answerInferDirectly } from '../../../src/transport/http/direct-infer.ts';
import { type Listening, listen } from '../../../src/transport/http/server.ts';
import { createFakePlane } from './fake-plane.ts';
import { open, received } from './socket-client.ts';
import { until } from './until.ts';
import { inputText, requestText } from './v2-requests.ts';

const PATH = '/v2/models/identity-fp32/infer';
const whole = requestText([inputText()]);
const head = (length: number) => `POST ${PATH} HTTP/1.1\r\nHost: h\r\nContent-Length: ${length}\r\n\r\n`;
const TIMED_OUT =
  /^HTTP\/1\.1 408 Request Timeout\r\n[\s\S]*\{"error":"the request did not arrive in time"\}$/;

/** A pause of this process must not pass for one of the client. */
const STALL_SECONDS = 1;

let server: Listening;
/** Patient with what is sent, not with what is not read. */
let answering: Listening;
/** The server's ends of the connections to `answering`, as they ask. */
const answered: Socket[] = [];
beforeAll(async () => {
  const limits = { maxBodyBytes: 256 << 20 };
  const plane = createFakePlane();
  const app = createApp(plane, limits);
  const answerDirectly = answerInferDirectly(plane, limits, {}, () => undefined);
  const at = { host: '127.0.0.1', port: 0 };
  server = await listen(app, { ...at, headerSeconds: 1, requestSeconds: 2 });
  answering = await listen(app, {
    ...at,
    stallSeconds: STALL_SECONDS,
    answerDirectly: (incoming, outgoing, onSent) => {
      answered.push(incoming.socket);
      return answerDirectly(incoming, outgoing, onSent);
    },
  });
});
afterAll(() => Promise.all([server.stop(0), answering.stop(0)]));

/** Writes text byte by byte, slower than it may be. @returns the answer, which came before the text was all there. */
async function trickled(socket: Socket, text: string): Promise<string> {
  const answer = received(socket, (sofar) => sofar.includes('"}'));
  let at = 0;
  const drip = setInterval(() => {
    if (at < text.length && socket.writable) socket.write(text[at++]!);
  }, 50);
  try {
    return await answer;
  } finally {
    expect(at).toBeLessThan(text.length);
    clearInterval(drip);
    socket.destroy();
  }
}

async function expectServing(): Promise<void> {
  const answer = await fetch(`${server.url}${PATH}`, { method: 'POST', body: whole });
  expect(answer.status).toBe(200);
}

describe('a client that is too slow', () => {
  it('with its headers, a byte now and then, is answered 408 and cut off', async () => {
    expect(await trickled(await open(server.port), `${head(whole.length)}${whole}`)).toMatch(TIMED_OUT);
    await expectServing();
  });

  it('with its body, a byte now and then, is answered 408 and cut off', async () => {
    const socket = await open(server.port);
    socket.write(head(whole.length));
    expect(await trickled(socket, whole)).toMatch(TIMED_OUT);
    await expectServing();
  });

  it('and sends nothing more of its body is answered 408 and cut off', async () => {
    const socket = await open(server.port);
    const answer = received(socket, (sofar) => sofar.includes('"}'));
    socket.write(head(5000) + whole);
    expect(await answer).toMatch(TIMED_OUT);
    await expectServing();
  });

  it('to read a large answer is cut off', async () => {
    const floats = new Float32Array(16 << 20);
    const json = requestText(
      [
        `{"name":"x","datatype":"FP32","shape":[${floats.length / 4},4],"parameters":{"binary_data_size":${floats.byteLength}}}`,
      ],
      '"parameters":{"binary_data_output":true}',
    );
    const socket = await open(answering.port);
    const closed = new Promise((resolve) => socket.on('error', () => undefined).on('close', resolve));
    const sent = `POST ${PATH} HTTP/1.1\r\nHost: h\r\nInference-Header-Content-Length: ${json.length}\r\nContent-Length: ${json.length + floats.byteLength}\r\n\r\n${json}`;
    answered.length = 0;
    socket.write(sent);
    socket.write(Buffer.from(floats.buffer));
    // The answer fills the buffers between the two and gets stuck.
    await until(() => answered.length > 0);
    await once(answered[0]!, 'close');
    let bytes = 0;
    socket.on('data', (chunk: Buffer) => {
      bytes += chunk.byteLength;
    });
    await closed;
    expect(bytes).toBeLessThan(floats.byteLength);
    await expectServing();
  });

  it('to read what it asks for in one go is cut off', async () => {
    const socket = await open(answering.port);
    socket.pause();
    const closed = new Promise((resolve) => socket.on('error', () => undefined).on('close', resolve));
    const json = requestText([inputText()], '"id":"'.concat('x'.repeat(4000), '"'));
    const many = Buffer.from((head(json.length) + json).repeat(20_000));
    socket.write(many);
    await closed;
    await expectServing();
  });

  it('to read, but reads on, gets all of a large answer', async () => {
    const floats = new Float32Array(4 << 20);
    const PAUSE_MS = 10;
    const input = `{"name":"x","datatype":"FP32","shape":[${floats.length / 4},4],"parameters":{"binary_data_size":${floats.byteLength}}}`;
    const json = requestText([input], '"parameters":{"binary_data_output":true}');
    const socket = await open(answering.port);
    socket.write(
      `POST ${PATH} HTTP/1.1\r\nHost: h\r\nConnection: close\r\nInference-Header-Content-Length: ${json.length}\r\nContent-Length: ${json.length + floats.byteLength}\r\n\r\n${json}`,
    );
    socket.write(Buffer.from(floats.buffer));
    let bytes = 0;
    let pauses = 0;
    socket.on('data', (chunk: Buffer) => {
      bytes += chunk.byteLength;
      pauses++;
      socket.pause();
      setTimeout(() => socket.resume(), PAUSE_MS);
    });
    await new Promise((resolve) => socket.on('close', resolve));
    expect(bytes).toBeGreaterThan(floats.byteLength);
    // Longer in all than it may be at once.
    expect(pauses * PAUSE_MS).toBeGreaterThan(1000 * STALL_SECONDS);
  });

  it('only between two requests keeps its connection', async () => {
    const socket = await open(server.port);
    for (let i = 0; i < 2; i++) {
      const answer = received(socket, (sofar) => sofar.includes('"outputs"'));
      socket.write(head(whole.length) + whole);
      expect(await answer).toContain('HTTP/1.1 200 OK');
      await sleep(2500);
    }
    socket.destroy();
  });
});
