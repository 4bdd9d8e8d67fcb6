import { request } from 'node:http';
import { connect } from 'node:net';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { createApp } from '../../../src/transport/http/app.ts';
import { createPruningRoutes } from '../../../src/transport/http/pruning-routes.ts';
import { type Listening, listen } from '../../../src/transport/http/server.ts';
import { createFakePlane } from './fake-plane.ts';
import { FakePruningPlane } from './fake-pruning-plane.ts';
import { until } from './until.ts';

const PATH = '/v2/models/m/pruning';
let plane: FakePruningPlane;
let server: Listening;
beforeEach(async () => {
  plane = new FakePruningPlane();
  const app = createApp(createFakePlane());
  app.route('/', createPruningRoutes(plane, undefined));
  server = await listen(app, { host: '127.0.0.1', port: 0 });
});
afterEach(() => server.stop(0));

const put = (body: string) => fetch(server.url + PATH, { method: 'PUT', body });

async function* eventsOf(response: Response): AsyncGenerator<unknown> {
  const decoder = new TextDecoder();
  let text = '';
  for await (const chunk of response.body!) {
    text += decoder.decode(chunk, { stream: true });
    for (let end = text.indexOf('\n\n'); end >= 0; end = text.indexOf('\n\n')) {
      const data = /^data: (.*)$/m.exec(text.slice(0, end))?.[1];
      text = text.slice(end + 2);
      if (data !== undefined) yield JSON.parse(data);
    }
  }
}

it('PUT from loopback changes the mode, and a bad one does not', async () => {
  expect(await (await put('{"mode":"fixed","threshold":0.5}')).json()).toMatchObject({ threshold: 0.5 });
  expect((await put('{"mode":"fixed","threshold":-0.5}')).status).toBe(400);
  expect((await put(`{"mode":"off"${' '.repeat(70_000)}}`)).status).toBe(413);
  expect(await (await fetch(server.url + PATH)).json()).toEqual({
    model: 'm',
    mode: 'fixed',
    threshold: 0.5,
  });
});

it('events come as they happen, and a client that leaves is followed no more', async () => {
  const leave = new AbortController();
  const response = await fetch(`${server.url}${PATH}/events`, { signal: leave.signal });
  const events = eventsOf(response);
  expect((await events.next()).value).toMatchObject({ mode: 'auto' });
  await put('{"mode":"observe"}');
  expect((await events.next()).value).toMatchObject({ mode: 'observe' });
  expect(plane.followers.size).toBe(1);
  leave.abort();
  await until(() => plane.followers.size === 0);
  expect((await put('{"mode":"off"}')).status).toBe(200);
});

it('many clients that come and go leave nothing behind', async () => {
  for (let round = 0; round < 3; round++) {
    const requests = Array.from({ length: 10 }, () => request(`${server.url}${PATH}/events`).end());
    for (const pending of requests) pending.on('error', () => undefined);
    await until(() => plane.followers.size === 10);
    for (const pending of requests) pending.destroy();
    await until(() => plane.followers.size === 0);
  }
  const head = await fetch(`${server.url}${PATH}/events`, { method: 'HEAD' });
  expect([head.status, plane.followers.size]).toEqual([200, 0]);
});

it('a stream that was told its end lets the server stop without waiting for the client', async () => {
  const response = await fetch(`${server.url}${PATH}/events`);
  const events = eventsOf(response);
  await events.next();
  const stopped = server.stop(3_600_000);
  for (const { end } of plane.followers) end();
  expect((await events.next()).done).toBe(true);
  await stopped;
});

it('a client that never reads is cut off, and nothing is kept for it; who reads is told everything', async () => {
  const reading = eventsOf(await fetch(`${server.url}${PATH}/events`));
  await reading.next();
  const silent = connect(server.port, '127.0.0.1');
  silent.pause().write(`GET ${PATH}/events HTTP/1.1\r\nHost: localhost\r\n\r\n`);
  await until(() => plane.followers.size === 2);
  const closed = new Promise((resolve) => silent.once('close', resolve));
  // More than what the sockets of both sides hold, then as many as may wait, then one more.
  const large = 'x'.repeat(1_000_000);
  const told: number[] = [];
  for (let i = 0; plane.followers.size === 2 && i < 1000; i++) {
    for (const { next } of plane.followers) next({ i, large });
    const { value } = await reading.next();
    told.push((value as { i: number }).i);
  }
  expect(plane.followers.size).toBe(1);
  expect(told.length).toBeGreaterThan(64);
  expect(told.length).toBeLessThan(200);
  expect(told).toEqual(told.map((_, i) => i));
  silent.resume();
  await closed;
  await put('{"mode":"off"}');
  expect((await reading.next()).value).toMatchObject({ mode: 'off' });
});
