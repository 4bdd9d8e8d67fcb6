import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ServingError } from '../../../src/config/errors.ts';
import { createApp } from '../../../src/transport/http/app.ts';
import { answerInferDirectly } from '../../../src/transport/http/direct-infer.ts';
import { type Listening, listen } from '../../../src/transport/http/server.ts';
import { createFakePlane, type FakePlane } from './fake-plane.ts';
import { open, received, send } from './socket-client.ts';
import { inputText, requestText } from './v2-requests.ts';

const PATH = '/v2/models/identity-fp32/infer';
const whole = requestText([inputText()]);
const head = (length: number, path = PATH) =>
  `POST ${path} HTTP/1.1\r\nHost: h\r\nContent-Length: ${length}\r\n\r\n`;

/** Overloaded while it is told so, for one model. */
class Crowd {
  isThere = false;
  readonly asked: string[] = [];

  readonly admit = (model: string): void => {
    this.asked.push(model);
    if (this.isThere && model === 'identity-fp32')
      throw new ServingError('OVERLOADED', '9 requests are waiting already');
  };
}

const crowd = new Crowd();
let plane: FakePlane;
let server: Listening;
beforeAll(async () => {
  plane = createFakePlane();
  const crowded = Object.assign(plane, { admit: crowd.admit });
  server = await listen(createApp(crowded), {
    host: '127.0.0.1',
    port: 0,
    answerDirectly: answerInferDirectly(crowded, {}, {}, () => undefined),
  });
});
afterAll(() => server.stop(0));

describe('a model that is overloaded', () => {
  it('refuses before a byte of the body has come, and the connection serves on', async () => {
    const socket = await open(server.port);
    const refusal = received(socket, (text) => text.includes('"}'));
    crowd.isThere = true;
    socket.write(head(whole.length));
    expect(await refusal).toMatch(
      /^HTTP\/1\.1 503 Service Unavailable\r\n[\s\S]*retry-after: 1\r\n[\s\S]*\{"error":"9 requests are waiting already"\}$/i,
    );
    crowd.isThere = false;
    const answer = received(socket, (text) => text.includes('"outputs"'));
    socket.write(whole + head(whole.length) + whole);
    expect(await answer).toMatch(/^HTTP\/1\.1 200 OK/);
    socket.destroy();
  });

  it('takes its time to say so, and keeps nobody else waiting', async () => {
    const slow = Object.assign(createFakePlane(), { admit: crowd.admit });
    const refusalDelayMs = 3000;
    const patient = await listen(createApp(slow), {
      host: '127.0.0.1',
      port: 0,
      answerDirectly: answerInferDirectly(slow, { refusalDelayMs }, {}, () => undefined),
    });
    crowd.isThere = true;
    const told: string[] = [];
    const ask = async (path: string) => {
      const { status } = await send(patient.port, { path, body: whole });
      told.push(status === 503 ? 'refused' : 'answered');
    };
    await Promise.all([ask(PATH), ask(PATH), ask(PATH.replace('fp32', 'fp64'))]);
    expect(told).toEqual(['answered', 'refused', 'refused']);
    crowd.isThere = false;
    await patient.stop(0);
  });

  it('leaves who carries no token to the application, which says so', async () => {
    const asked: string[] = [];
    const admit = (model: string): never => {
      asked.push(model);
      throw new ServingError('OVERLOADED', 'too many');
    };
    const early = Object.assign(createFakePlane(), { admit });
    const guarded = await listen(createApp(createFakePlane()), {
      host: '127.0.0.1',
      port: 0,
      answerDirectly: answerInferDirectly(early, {}, { data: 'a-long-token' }, () => undefined),
    });
    const ask = (headers: Record<string, string>) => send(guarded.port, { path: PATH, headers, body: whole });
    await ask({});
    await ask({ authorization: 'Bearer another-token' });
    expect(asked).toEqual([]);
    expect((await ask({ authorization: 'Bearer a-long-token' })).status).toBe(503);
    expect(asked).toEqual(['identity-fp32']);
    await guarded.stop(0);
  });

  it('refuses a request with a version, too', async () => {
    crowd.isThere = true;
    const answer = await send(server.port, {
      path: '/v2/models/identity-fp32/versions/1/infer',
      body: whole,
    });
    crowd.isThere = false;
    expect([answer.status, answer.headers['content-type']]).toEqual([503, 'application/json']);
  });

  it('takes everything but inference, and other models go on', async () => {
    crowd.isThere = true;
    for (const [path, method, body, status] of [
      ['/v2/models/identity-fp32', 'GET', '', 200],
      ['/v2/models/identity-fp32/infer', 'GET', '', 405],
      ['/v2/health/ready', 'GET', '', 200],
      ['/v2/models/identity-fp64/infer', 'POST', whole.replace('FP32', 'FP64'), 200],
      ['/v2/models/none/infer', 'POST', whole, 404],
    ] as const)
      expect((await send(server.port, { path, method, body })).status, path).toBe(status);
    crowd.isThere = false;
  });

  it('refuses through the application as well, where that is mounted elsewhere', async () => {
    crowd.isThere = true;
    const answer = await createApp(plane).request(PATH, { method: 'POST', body: whole });
    crowd.isThere = false;
    expect([answer.status, answer.headers.get('retry-after'), await answer.json()]).toEqual([
      503,
      '1',
      { error: '9 requests are waiting already' },
    ]);
  });
});
