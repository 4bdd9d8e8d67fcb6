import { Hono } from 'hono';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { httpApplication } from '../../../src/transport/http/application.ts';
import { type Listening, listen } from '../../../src/transport/http/server.ts';
import { createFakePlane } from './fake-plane.ts';
import { FakePruningPlane } from './fake-pruning-plane.ts';
import { FakeRepositoryPlane } from './fake-repository-plane.ts';
import { open, received } from './socket-client.ts';
import { inputText, requestText } from './v2-requests.ts';

const body = requestText([inputText()]);
const pruning = new FakePruningPlane();
const planes = {
  inference: createFakePlane(),
  pruning,
  repository: new FakeRepositoryPlane(),
  expose: async () => ({ contentType: 'text/plain', body: 'metrics' }),
};
const options = {
  maxBodyBytes: 1 << 20,
  maxBatch: undefined,
  tokens: {},
  openMetrics: false,
  report: (error: unknown) => {
    throw error;
  },
};

const servers = new Map<string, { readonly listening: Listening; readonly prefix: string }>();
beforeAll(async () => {
  const at = { host: '127.0.0.1', port: 0 };
  const { routes, answerDirectly } = httpApplication(planes, options);
  servers.set('direct path', { listening: await listen(routes, { ...at, answerDirectly }), prefix: '' });
  servers.set('router', { listening: await listen(routes, at), prefix: '' });
  const mounting = new Hono().route('/ml', routes) as never;
  servers.set('mounted', { listening: await listen(mounting, at), prefix: '/ml' });
});
afterAll(() => Promise.all([...servers.values()].map(({ listening }) => listening.stop(0))));

/** The answer to a message as it is, status first. */
async function answerTo(way: string, text: (prefix: string) => string): Promise<readonly [number, string]> {
  const { listening, prefix } = servers.get(way)!;
  const socket = await open(listening.port);
  const all = received(socket, () => false);
  socket.write(text(prefix));
  const answer = await all;
  return [Number(answer.slice(9, 12)), answer.slice(answer.indexOf('\r\n\r\n') + 4)];
}

const head = (method: string, target: string, more = '') =>
  `${method} ${target} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n${more}`;
const get = (target: string) => `${head('GET', target)}\r\n`;
const post = (target: string) => `${head('POST', target, `Content-Length: ${body.length}\r\n`)}\r\n${body}`;

describe.each(['direct path', 'router', 'mounted'])('%s', (way) => {
  it('answers plain targets', async () => {
    expect((await answerTo(way, (at) => get(`${at}/v2/health/live?a=/../b`)))[0]).toBe(200);
    expect((await answerTo(way, (at) => post(`${at}/v2/models/identity-fp32/infer`)))[0]).toBe(200);
    expect((await answerTo(way, (at) => get(`${at}/v2/models/identity%2dfp32`)))[0]).toBe(200);
    expect((await answerTo(way, (at) => get(`http://localhost${at}/v2/health/live`)))[0]).toBe(200);
  });

  it.each([
    '/v2/../metrics',
    '/v2/models/../../metrics',
    '/v2/models/%2e%2e/%2e%2e/metrics',
    '/v2/.%2E/metrics',
    '/v2/%2e./metrics',
    '/v2/./health/live',
    '/v2/%2E/health/live',
    '/v2/health/live/.',
    '/v2/health/live/..',
    '/v2/health/x/%2e%2e/live',
    '//v2/health/live',
    '/v2//health/live',
    '/v2/health//live',
    '/v2/health/live//',
    '/v2\\health\\live',
    '/v2/x\\..\\health/live',
    '/v2/x/.\t./health/live',
    '/v2/x/../models/identity-fp32/infer',
    '/v2/models//identity-fp32/infer',
    '/v2/models/x/%2e%2e/identity-fp32/infer',
    '/v2/models/./identity-fp32/infer',
  ])('answers %j 404, or as a malformed target, before routing', async (target) => {
    const refusals = /[\t\\]/.test(target) ? [400, 404] : [404];
    for (const ask of [get, post]) {
      const [status] = await answerTo(way, (at) => ask(at + target));
      expect(refusals).toContain(status);
    }
    const [status] = await answerTo(way, (at) => get(`http://localhost${at}${target}`));
    expect(refusals).toContain(status);
  });

  it.each([
    [
      'two Host headers',
      (at: string) => get(`${at}/v2/health/live`).replace('Host: ', 'Host: localhost\r\nhOST: '),
    ],
    [
      'two Host headers on inference',
      (at: string) =>
        post(`${at}/v2/models/identity-fp32/infer`).replace('Host: ', 'Host: evil.example\r\nHost: '),
    ],
    ['a target on another host', (at: string) => get(`http://evil.example${at}/v2/health/live`)],
    ['a target with a user', (at: string) => get(`http://localhost@evil.example${at}/v2/health/live`)],
  ])('refuses %s', async (_what, text) => {
    const [status, answer] = await answerTo(way, text);
    expect([status, JSON.parse(answer).error]).toEqual([400, expect.stringMatching(/^malformed request: /)]);
  });

  it('changes nothing for whom a proxy or a second Host header speaks', async () => {
    const put = (at: string, more: string) => {
      const change = '{"mode":"off"}';
      const target = `${at}/v2/models/identity-fp32/pruning`;
      return `${head('PUT', target, `${more}Content-Length: ${change.length}\r\n`)}\r\n${change}`;
    };
    for (const name of [
      'Via',
      'Forwarded',
      'X-Forwarded-Port',
      'X-Real-IP',
      'CF-Connecting-IP',
      'True-Client-IP',
    ])
      expect((await answerTo(way, (at) => put(at, `${name}: 1\r\n`)))[0]).toBe(403);
    expect((await answerTo(way, (at) => put(at, 'Host: evil.example\r\n')))[0]).toBe(400);
    expect(pruning.mode).toBe('auto');
  });
});
