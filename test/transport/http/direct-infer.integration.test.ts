import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createApp } from '../../../src/transport/http/app.ts';
import { answerInferDirectly } from '../../../src/transport/http/direct-infer.ts';
import { type Listening, listen } from '../../../src/transport/http/server.ts';
import { createFakePlane } from './fake-plane.ts';
import { send } from './socket-client.ts';

const TOKEN = 'a-long-token';
const BODY = JSON.stringify({ inputs: [{ name: 'x', shape: [1, 4], datatype: 'FP32', data: [1, 2, 3, 4] }] });

let server: Listening;
const reached: string[] = [];
beforeAll(async () => {
  const told = (who: string) => {
    const plane = createFakePlane();
    return Object.assign(plane, { admit: () => reached.push(who) });
  };
  server = await listen(createApp(told('application')), {
    host: '127.0.0.1',
    port: 0,
    answerDirectly: answerInferDirectly(told('direct'), {}, { data: TOKEN }, () => undefined),
  });
});
afterAll(() => server.stop(0));

async function ask(path: string, headers: Record<string, string> = { authorization: `Bearer ${TOKEN}` }) {
  reached.length = 0;
  const { status } = await send(server.port, { path, method: 'POST', headers, body: BODY });
  return [status, ...reached];
}

describe('inference straight from the listener', () => {
  it('is what plain requests get, with a version too', async () => {
    expect(await ask('/v2/models/identity-fp32/infer')).toEqual([200, 'direct']);
    expect(await ask('/v2/models/identity-fp32/versions/1/infer')).toEqual([200, 'direct']);
  });

  it.each(['/v2/models/identity%2Dfp32/infer', '/v2/models/identity-fp32/infer?a=1'])(
    'leaves %s to the application',
    async (path) => {
      expect(await ask(path)).toEqual([200, 'application']);
    },
  );

  it('leaves who carries no token to the application, which answers for itself', async () => {
    expect(await ask('/v2/models/identity-fp32/infer', {})).toEqual([200, 'application']);
  });

  it('answers errors in the protocol’s form, and the connection serves on', async () => {
    const path = '/v2/models/none/infer';
    const headers = { authorization: `Bearer ${TOKEN}` };
    const answer = await send(server.port, { path, method: 'POST', headers, body: BODY });
    expect([answer.status, answer.headers['content-type']]).toEqual([404, 'application/json']);
    expect(answer.body.toString()).toMatch(/^\{"error":"Request for unknown model/);
  });
});
