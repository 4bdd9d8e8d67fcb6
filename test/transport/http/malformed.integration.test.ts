import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createApp } from '../../../src/transport/http/app.ts';
import { type Listening, listen } from '../../../src/transport/http/server.ts';
import { createFakePlane } from './fake-plane.ts';
import { open, received } from './socket-client.ts';

let server: Listening;
beforeAll(async () => {
  server = await listen(createApp(createFakePlane()), { host: '127.0.0.1', port: 0 });
});
afterAll(() => server.stop(0));

/** The status and the reason of the answer to a text. */
async function refusal(text: string): Promise<readonly [number, string]> {
  const socket = await open(server.port);
  const answer = received(socket, (sofar) => sofar.includes('"}'));
  socket.write(text);
  const [head, body] = (await answer).split('\r\n\r\n') as [string, string];
  socket.destroy();
  expect(head.toLowerCase()).toContain('content-type: application/json');
  expect(Number(/content-length: (\d+)/i.exec(head)![1])).toBe(body.length);
  return [Number(head.slice(9, 12)), JSON.parse(body).error];
}

const GET = 'GET /v2/health/live HTTP/1.1\r\n';

describe('messages that never reach the application', () => {
  it.each([
    ['no HTTP', 'hello\r\n\r\n', 400, 'malformed HTTP: Parse Error: '],
    [
      'a header without a colon',
      `${GET}Host: h\r\nno colon here\r\n\r\n`,
      400,
      'malformed HTTP: Parse Error: ',
    ],
    [
      'two lengths',
      'POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n',
      400,
      'malformed HTTP: ',
    ],
    ['no Host', `${GET}\r\n`, 400, 'malformed request: Missing host header'],
    ['a Host that is none', `${GET}Host: a b\r\n\r\n`, 400, 'malformed request: Invalid '],
    [
      'headers without end',
      `${GET}Host: h\r\nX: ${'x'.repeat(20_000)}\r\n\r\n`,
      431,
      'the headers are too large',
    ],
    ['an expectation', `${GET}Host: h\r\nExpect: gifts\r\n\r\n`, 417, "expectation 'gifts' cannot be met"],
  ])('%s is refused with a reason', async (_name, text, status, reason) => {
    const [actual, error] = await refusal(text);
    expect([actual, error.slice(0, reason.length)]).toEqual([status, reason]);
  });

  it('cost the server nothing', async () => {
    const answer = await fetch(`${server.url}/v2/health/live`);
    expect([answer.status, await answer.json()]).toEqual([200, { live: true }]);
  });
});
