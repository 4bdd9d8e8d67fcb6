import { Readable } from 'node:stream';
import { unzipSync } from 'fflate';
import { describe, expect, it } from 'vitest';
import type { NumberedRequest } from '../../../src/protocol/npz.ts';
import type { Tensor } from '../../../src/protocol/types.ts';
import { createPruningRoutes } from '../../../src/transport/http/pruning-routes.ts';
import { FakePruningPlane } from './fake-pruning-plane.ts';

const PATH = '/v2/models/m/pruning';

const put = (body: string, headers: Record<string, string> = {}) => ({ method: 'PUT', body, headers });

describe('GET', () => {
  it('gives the report; an unknown model is 404', async () => {
    const routes = createPruningRoutes(new FakePruningPlane(), undefined);
    expect(await (await routes.request(PATH)).json()).toEqual({ model: 'm', mode: 'auto', threshold: 0 });
    const unknown = await routes.request('/v2/models/other/pruning');
    expect([unknown.status, await unknown.json()]).toEqual([
      404,
      { error: "Request for unknown model: 'other' is not found" },
    ]);
  });
});

describe('GET of all models', () => {
  it('gives each in short, and takes no other method', async () => {
    const routes = createPruningRoutes(new FakePruningPlane(), undefined);
    expect(await (await routes.request('/v2/pruning')).json()).toEqual({
      models: [{ model: 'm', mode: 'auto', threshold: 0 }],
    });
    const refused = await routes.request('/v2/pruning', put('{"mode":"off"}'));
    expect([refused.status, refused.headers.get('allow')]).toEqual([405, 'GET, HEAD']);
  });
});

describe('GET history', () => {
  it('gives what happened; an unknown model is 404', async () => {
    const routes = createPruningRoutes(new FakePruningPlane(), undefined);
    const answer = await routes.request(`${PATH}/history`);
    expect(await answer.json()).toEqual({ model: 'm', now: 0, changes: [] });
    expect((await routes.request('/v2/models/other/pruning/history')).status).toBe(404);
  });
});

describe('GET inputs', () => {
  const x = (value: number): Tensor => ({
    name: 'x',
    datatype: 'FP32',
    shape: [1],
    elements: Float32Array.of(value),
  });
  const withKept = (...kept: NumberedRequest[]) => Object.assign(new FakePruningPlane(), { kept });
  const two = [
    { number: 7, inputs: [x(1)] },
    { number: 12, inputs: [x(2)] },
  ];

  it('gives kept requests as .npz, from a number on', async () => {
    const routes = createPruningRoutes(withKept(...two), undefined);
    const filesOf = async (query: string) => {
      const response = await routes.request(`${PATH}/inputs${query}`);
      expect([response.status, response.headers.get('content-type')]).toEqual([200, 'application/zip']);
      return Object.keys(unzipSync(new Uint8Array(await response.arrayBuffer())));
    };
    expect(await filesOf('')).toEqual(['7/x.npy', '12/x.npy']);
    expect(await filesOf('?from=8')).toEqual(['12/x.npy']);
    expect(await filesOf('?from=13')).toEqual([]);
    expect(await filesOf('?limit=1')).toEqual(['7/x.npy']);
    expect(await filesOf('?from=8&limit=1000')).toEqual(['12/x.npy']);
  });

  const many = (count: number, inputs: number): NumberedRequest[] =>
    Array.from({ length: count }, (_, number) => ({
      number,
      inputs: Array.from({ length: inputs }, (_, i) => ({ ...x(i), name: `x${i}` })),
    }));

  it('gives no more requests than a thousand, and no more arrays than an archive counts', async () => {
    const entriesOf = async (plane: FakePruningPlane) => {
      const response = await createPruningRoutes(plane, undefined).request(`${PATH}/inputs`);
      return Object.keys(unzipSync(new Uint8Array(await response.arrayBuffer()))).length;
    };
    expect(await entriesOf(withKept(...many(1200, 1)))).toBe(1000);
    expect(await entriesOf(withKept(...many(70, 1000)))).toBe(65_000);
  });

  it('lets other work run between the pieces of an answer', async () => {
    const large = { ...x(0), shape: [1 << 20], elements: new Float32Array(1 << 20) };
    const plane = withKept({ number: 0, inputs: [large] });
    const response = await createPruningRoutes(plane, undefined).request(`${PATH}/inputs`);
    let turns = 0;
    const count = () => {
      turns++;
      timer = setImmediate(count);
    };
    let timer = setImmediate(count);
    await response.arrayBuffer();
    clearImmediate(timer);
    expect(turns).toBeGreaterThanOrEqual(16);
  });

  it('is read by few clients at a time', async () => {
    const routes = createPruningRoutes(withKept(...two), undefined, { maxInputReaders: 2 });
    const ask = async (init = {}) => routes.request(`${PATH}/inputs`, init);
    const [first, second] = [await ask(), await ask()];
    expect([first.status, second.status, (await ask({ method: 'HEAD' })).status]).toEqual([200, 200, 200]);
    const third = await ask();
    expect([third.status, third.headers.get('retry-after'), await third.json()]).toEqual([
      503,
      '1',
      { error: '2 clients read kept requests already' },
    ]);
    await first.arrayBuffer();
    const fourth = await ask();
    expect([fourth.status, (await ask()).status]).toEqual([200, 503]);
    await second.body!.cancel();
    expect((await ask()).status).toBe(200);
  });

  it('needs control access, and the consent of the configuration', async () => {
    const status = async (plane: FakePruningPlane, token?: string, headers = {}) =>
      (await createPruningRoutes(plane, token).request(`${PATH}/inputs`, { headers })).status;
    expect(await status(withKept(...two), 'control-token')).toBe(401);
    expect(await status(withKept(...two), 'control-token', { authorization: 'Bearer control-token' })).toBe(
      200,
    );
    expect(await status(withKept(...two), undefined, { 'x-forwarded-for': '10.0.0.1' })).toBe(403);
    expect(await status(new FakePruningPlane())).toBe(403);
  });

  it.each([
    ['?from=-1', two, 400, 'from: expected the number of a request'],
    ['?limit=0', two, 400, 'limit: expected a number of requests from 1 to 1000'],
    ['?limit=1001', two, 400, 'limit: expected a number of requests from 1 to 1000'],
    ['?limit=1e3', two, 400, 'limit: expected a number of requests from 1 to 1000'],
    ['?limit=', two, 400, 'limit: expected a number of requests from 1 to 1000'],
    ['?from=x', two, 400, 'from: expected the number of a request'],
    [
      '',
      [{ number: 0, inputs: [{ name: 'text', datatype: 'BYTES', shape: [0], elements: [] } as const] }],
      400,
      "input 'text' is BYTES, which .npy files cannot hold",
    ],
  ])('refuses %j', async (query, kept, status, error) => {
    const response = await createPruningRoutes(withKept(...kept), undefined).request(
      `${PATH}/inputs${query}`,
    );
    expect([response.status, await response.json()]).toEqual([status, { error }]);
  });

  it('takes no other method', async () => {
    const response = await createPruningRoutes(withKept(), undefined).request(`${PATH}/inputs`, put('{}'));
    expect([response.status, response.headers.get('allow')]).toEqual([405, 'GET, HEAD']);
  });
});

describe('PUT', () => {
  it.each(['auto', 'observe', 'off'])('changes the mode to %s', async (mode) => {
    const plane = new FakePruningPlane();
    const response = await createPruningRoutes(plane, undefined).request(PATH, put(JSON.stringify({ mode })));
    expect([response.status, plane.mode]).toEqual([200, mode]);
    expect(await response.json()).toMatchObject({ mode });
  });

  it('fixes a threshold', async () => {
    const plane = new FakePruningPlane();
    await createPruningRoutes(plane, undefined).request(PATH, put('{"mode":"fixed","threshold":0.25}'));
    expect([plane.mode, plane.threshold]).toEqual(['fixed', 0.25]);
  });

  it.each([
    ['{"mode":"fixed","threshold":-1}', /^threshold: /],
    ['{"mode":"fixed","threshold":NaN}', /^malformed JSON/],
    ['{"mode":"fixed","threshold":1e999}', /^number 1e999 is out of range/],
    ['{"mode":"off","mode":"auto"}', /^key 'mode' occurs twice/],
    ['{"mode":"off","m\\u006fde":"auto"}', /^key 'mode' occurs twice/],
    ['{"mode":"off","__proto__":{}}', /^body: unexpected key '__proto__'/],
    ['\ufeff{"mode":"off"}', /^malformed JSON: a byte-order mark/],
    ['{"mode":"fixed","threshold":"1"}', /^threshold: /],
    ['{"mode":"fixed"}', /^threshold: mode 'fixed' needs one/],
    ['{"mode":"auto","threshold":1}', /^threshold: only mode 'fixed'/],
    ['{"mode":"warm"}', /^mode: /],
    ['{"mode":"auto","Threshold":1}', /Threshold/],
    ['{}', /^mode: /],
    ['[]', /^body: /],
    ['', /^malformed JSON/],
    ['{"mode":', /^malformed JSON/],
  ])('refuses %s', async (body, message) => {
    const plane = new FakePruningPlane();
    const response = await createPruningRoutes(plane, undefined).request(PATH, put(body));
    expect(response.status).toBe(400);
    expect(((await response.json()) as { error: string }).error).toMatch(message);
    expect(plane.mode).toBe('auto');
  });

  it.each([
    [PATH, 'DELETE', 'GET, HEAD, PUT'],
    [PATH, 'POST', 'GET, HEAD, PUT'],
    [`${PATH}/history`, 'POST', 'GET, HEAD'],
    [`${PATH}/events`, 'PUT', 'GET, HEAD'],
    [`${PATH}/activations`, 'PUT', 'GET, HEAD'],
    [`${PATH}/last-good`, 'GET', 'POST'],
  ])('%s refuses %s and says which verbs are served', async (path, method, allowed) => {
    const response = await createPruningRoutes(new FakePruningPlane(), undefined).request(path, { method });
    expect([response.status, response.headers.get('allow')]).toEqual([405, allowed]);
  });

  it('of an unknown model is a 404', async () => {
    const routes = createPruningRoutes(new FakePruningPlane(), undefined);
    expect((await routes.request('/v2/models/other/pruning', put('{"mode":"off"}'))).status).toBe(404);
  });

  it('refuses a body that is too large before it reads it', async () => {
    const routes = createPruningRoutes(new FakePruningPlane(), undefined);
    let pulled = 0;
    const endless = new ReadableStream<Uint8Array>({
      pull(controller) {
        pulled++;
        controller.enqueue(new Uint8Array(16 * 1024).fill(32));
      },
    });
    const sent = { method: 'PUT', body: endless, duplex: 'half' } as RequestInit;
    expect((await routes.request(PATH, sent)).status).toBe(413);
    expect(pulled).toBeLessThan(10);
  });
});

describe('POST last-good', () => {
  const post = (body?: string) => ({ method: 'POST', ...(body === undefined ? {} : { body }) });
  const LAST_GOOD = `${PATH}/last-good`;

  it.each([undefined, '', '{}', '{"to":0.25}'])('goes back: %j', async (body) => {
    const plane = Object.assign(new FakePruningPlane(), { lastGood: 0.25 });
    const response = await createPruningRoutes(plane, undefined).request(LAST_GOOD, post(body));
    expect([response.status, plane.mode, plane.threshold]).toEqual([200, 'fixed', 0.25]);
    expect(await response.json()).toMatchObject({ mode: 'fixed' });
  });

  it.each([
    ['{"to":0}', /^to: /],
    ['{"to":"1"}', /^to: /],
    ['{"threshold":1}', /^body: unexpected key 'threshold'/],
    ['[]', /^body: /],
    ['{', /^malformed JSON/],
  ])('refuses %s', async (body, message) => {
    const plane = Object.assign(new FakePruningPlane(), { lastGood: 0.25 });
    const response = await createPruningRoutes(plane, undefined).request(LAST_GOOD, post(body));
    expect([response.status, plane.mode]).toEqual([400, 'auto']);
    expect(((await response.json()) as { error: string }).error).toMatch(message);
  });

  it('is a conflict where there is none or another one, and 404 for an unknown model', async () => {
    const routes = createPruningRoutes(new FakePruningPlane(), undefined);
    expect((await routes.request(LAST_GOOD, post())).status).toBe(409);
    const other = Object.assign(new FakePruningPlane(), { lastGood: 0.25 });
    expect((await createPruningRoutes(other, undefined).request(LAST_GOOD, post('{"to":0.5}'))).status).toBe(
      409,
    );
    expect(other.mode).toBe('auto');
    expect((await routes.request('/v2/models/other/pruning/last-good', post())).status).toBe(404);
  });

  it('needs control access', async () => {
    const status = async (token?: string, headers = {}) => {
      const plane = Object.assign(new FakePruningPlane(), { lastGood: 0.25 });
      return (await createPruningRoutes(plane, token).request(LAST_GOOD, { ...post(), headers })).status;
    };
    expect(await status('control-token')).toBe(401);
    expect(await status('control-token', { authorization: 'Bearer control-token' })).toBe(200);
    expect(await status(undefined, { 'x-forwarded-for': '10.0.0.1' })).toBe(403);
  });
});

describe('who may PUT', () => {
  const off = put('{"mode":"off"}');
  const from = (remoteAddress: string | undefined) => ({
    incoming: Object.assign(Readable.from([Buffer.from(off.body)]), { socket: { remoteAddress } }),
  });

  it.each([
    ['127.0.0.1', 200],
    ['127.8.8.8', 200],
    ['::1', 200],
    ['::ffff:127.0.0.1', 200],
    ['10.0.0.7', 403],
    ['::ffff:10.0.0.7', 403],
    ['2001:db8::1', 403],
  ])('without a token, %s gets %i', async (address, status) => {
    const routes = createPruningRoutes(new FakePruningPlane(), undefined);
    expect((await routes.request(PATH, off, from(address))).status).toBe(status);
    expect((await routes.request(PATH, {}, from(address))).status).toBe(200);
  });

  it('without a token, a client that is gone already gets 403: its address cannot be known', async () => {
    const plane = new FakePruningPlane();
    const routes = createPruningRoutes(plane, undefined);
    expect((await routes.request(PATH, off, from(undefined))).status).toBe(403);
    expect(plane.mode).toBe('auto');
  });

  it.each([
    [undefined, 401],
    ['Bearer wrong-token', 401],
    ['Bearer secret-token2', 401],
    ['secret-token', 401],
    ['Bearer secret-token', 200],
  ])('with a token, the header %s gets %i from anywhere', async (authorization, status) => {
    const plane = new FakePruningPlane();
    const routes = createPruningRoutes(plane, 'secret-token');
    const headers: Record<string, string> = authorization === undefined ? {} : { authorization };
    const response = await routes.request(PATH, { ...off, headers }, from('10.0.0.7'));
    expect([response.status, plane.mode]).toEqual([status, status === 200 ? 'off' : 'auto']);
    expect(await response.text()).not.toContain('secret-token');
  });
});

describe('events', () => {
  it('gives the present state at once, every change after it, and lets go when the client does', async () => {
    const plane = new FakePruningPlane();
    const response = await createPruningRoutes(plane, undefined).request(`${PATH}/events`);
    expect(response.headers.get('content-type')).toMatch(/^text\/event-stream/);
    const reader = response.body!.getReader();
    const text = async () => new TextDecoder().decode((await reader.read()).value);
    expect(await text()).toMatch(/event: pruning\ndata: \{"model":"m","mode":"auto"/);
    await plane.setMode('m', 'observe', undefined);
    expect(await text()).toContain('"mode":"observe"');
    await reader.cancel();
    expect(plane.followers.size).toBe(0);
  });

  it('end when there is nothing more to come, after what was told before', async () => {
    const plane = new FakePruningPlane();
    const response = await createPruningRoutes(plane, undefined).request(`${PATH}/events`);
    for (const { next, end } of plane.followers) {
      next({ last: true });
      end();
    }
    expect(await response.text()).toMatch(/"mode":"auto"[\s\S]*\{"last":true\}/);
    expect(plane.followers.size).toBe(0);
  });

  it('number what they tell, also when a client reads late', async () => {
    const plane = new FakePruningPlane();
    const response = await createPruningRoutes(plane, undefined).request(`${PATH}/events`);
    for (const threshold of [1, 2, 3]) await plane.setMode('m', 'fixed', threshold);
    for (const { end } of plane.followers) end();
    const text = await response.text();
    expect(text.match(/^id: \d$/gm)).toEqual(['id: 0', 'id: 1', 'id: 2', 'id: 3']);
    expect(text.match(/"threshold":\d/g)).toEqual([0, 1, 2, 3].map((t) => `"threshold":${t}`));
  });

  it('are not followed for a HEAD request, whose answer nobody reads', async () => {
    const plane = new FakePruningPlane();
    const routes = createPruningRoutes(plane, undefined);
    const response = await routes.request(`${PATH}/events`, { method: 'HEAD' });
    expect([response.status, response.headers.get('content-type')]).toEqual([200, 'text/event-stream']);
    expect(plane.followers.size).toBe(0);
    expect((await routes.request('/v2/models/other/pruning/events', { method: 'HEAD' })).status).toBe(404);
  });

  it('of an unknown model are a 404', async () => {
    const routes = createPruningRoutes(new FakePruningPlane(), undefined);
    expect((await routes.request('/v2/models/other/pruning/events')).status).toBe(404);
  });
});
