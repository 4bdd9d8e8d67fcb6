import { Hono } from 'hono';
import { describe, expect, it } from 'vitest';
import { createApp } from '../../../src/transport/http/app.ts';
import { createV2Routes } from '../../../src/transport/http/v2-routes.ts';
import { createFakePlane, MODELS } from './fake-plane.ts';

async function ask(path: string, method = 'GET', plane = createFakePlane()) {
  const response = await createApp(plane).request(path, { method });
  const text = await response.text();
  const body = text === '' ? undefined : JSON.parse(text);
  return {
    status: response.status,
    type: response.headers.get('content-type'),
    allow: response.headers.get('allow'),
    body,
  };
}

describe('metadata and health', () => {
  it.each(['/v2', '/v2/'])('case 1: %s names server, version and extensions', async (path) => {
    const { status, body } = await ask(path);
    expect(status).toBe(200);
    expect(body).toMatchObject({ name: 'taustat', version: '9.9.9' });
    expect(body.extensions).toContain('binary_tensor_data');
  });

  it('case 2: live', async () => {
    expect(await ask('/v2/health/live')).toMatchObject({ status: 200, body: { live: true } });
    const plane = createFakePlane();
    plane.isLive = false;
    expect((await ask('/v2/health/live', 'GET', plane)).status).toBe(503);
  });

  it('case 3: ready is 503 while loading or draining, live stays 200', async () => {
    const plane = createFakePlane();
    expect(await ask('/v2/health/ready', 'GET', plane)).toMatchObject({ status: 200, body: { ready: true } });
    plane.isReady = false;
    expect(await ask('/v2/health/ready', 'GET', plane)).toMatchObject({
      status: 503,
      body: { ready: false },
    });
    expect((await ask('/v2/health/live', 'GET', plane)).status).toBe(200);
    expect((await ask('/v2/models/fixed/ready', 'GET', plane)).status).toBe(503);
  });

  it.each(['/v2/models/fixed/ready', '/v2/models/fixed/versions/3/ready'])('case 4: %s', async (path) => {
    expect(await ask(path)).toMatchObject({ status: 200, body: { name: 'fixed', ready: true } });
  });

  it.each([
    ['/v2/models/none', 'GET'],
    ['/v2/models/none/ready', 'GET'],
    ['/v2/models/none/stats', 'GET'],
    ['/v2/models/none/infer', 'POST'],
  ])('case 5: unknown model at %s', async (path, method) => {
    const { status, body } = await ask(path, method);
    expect(status).toBe(404);
    expect(body.error).toBe("Request for unknown model: 'none' is not found");
  });

  it.each([
    ['case 6: unknown version', '2', 404, "Request for unknown model: 'fixed' version 2 is not found"],
    ['case 7: a word', 'latest', 404, "Request for unknown model: 'fixed' version 'latest' is not found"],
    ['case 7: a negative number', '-1', 404, "Request for unknown model: 'fixed' version '-1' is not found"],
    ['case 8: 2^63', '9223372036854775808', 400, 'model version 9223372036854775808 is out of range'],
    [
      'case 8: the largest that fits',
      '9223372036854775807',
      404,
      "Request for unknown model: 'fixed' version 9223372036854775807 is not found",
    ],
    ['case 8: a hundred digits', '9'.repeat(100), 400, `model version ${'9'.repeat(40)} is out of range`],
  ])('%s', async (_name, version, status, error) => {
    for (const [suffix, method] of [
      ['', 'GET'],
      ['/ready', 'GET'],
      ['/stats', 'GET'],
      ['/infer', 'POST'],
    ]) {
      expect(await ask(`/v2/models/fixed/versions/${version}${suffix}`, method)).toMatchObject({
        status,
        body: { error },
      });
    }
  });

  it('case 4: takes a version with leading zeros', async () => {
    expect((await ask('/v2/models/fixed/versions/003')).status).toBe(200);
  });

  it('case 9: metadata, variable dimensions as -1, nothing that is internal', async () => {
    const { body } = await ask('/v2/models/pair');
    expect(body).toEqual({
      name: 'pair',
      versions: ['1', '3'],
      platform: 'onnxruntime_onnx',
      inputs: [
        { name: 'x0', datatype: 'FP32', shape: [-1, 2] },
        { name: 'x1', datatype: 'INT32', shape: [-1, 2] },
      ],
      outputs: [
        { name: 'y0', datatype: 'FP32', shape: [-1, 2] },
        { name: 'y1', datatype: 'INT32', shape: [-1, 2] },
      ],
    });
  });

  it.each([
    ['POST', '/v2', 'GET, HEAD'],
    ['PUT', '/v2/health/live', 'GET, HEAD'],
    ['DELETE', '/v2/models/fixed', 'GET, HEAD'],
    ['POST', '/v2/models/fixed/ready', 'GET, HEAD'],
    ['GET', '/v2/models/fixed/infer', 'POST'],
    ['HEAD', '/v2/models/fixed/infer', 'POST'],
    ['PUT', '/v2/models/fixed/versions/3/infer', 'POST'],
    ['OPTIONS', '/v2/models/fixed/stats', 'GET, HEAD'],
  ])('case 10: %s %s', async (method, path, allow) => {
    const answer = await ask(path, method);
    expect(answer).toMatchObject({ status: 405, allow, type: 'application/json' });
    if (method !== 'HEAD') expect(answer.body.error).toBe(`${method} is not allowed here, expected ${allow}`);
  });

  it.each([
    '/',
    '/nothing',
    '/v2/nothing',
    '/v2/models',
    '/v2/models/fixed/infer/',
    '/v2/models/fixed/versions',
  ])('case 11: %s is not found, in JSON', async (path) => {
    const { status, type, body } = await ask(path);
    expect({ status, type }).toEqual({ status: 404, type: 'application/json' });
    expect(body.error).toContain('is not found');
  });

  it('case 12: decodes names', async () => {
    expect((await ask('/v2/models/two%20words')).body.name).toBe('two words');
    expect((await ask('/v2/models/f%69xed/ready')).status).toBe(200);
  });

  it.each([
    ['/v2/models/a%2fb', 400],
    ['/v2/models/a%2Fb/infer', 400],
    ['/v2/models/..%2ffixed/ready', 400],
    ['/v2/models/a%5cb', 400],
    ['/v2/models/../fixed', 404],
    ['/v2/models/%2e%2e/fixed', 404],
    ['/v2/models/%zz', 404],
    ['/v2/models/%00', 404],
  ])('case 12: refuses %s', async (path, status) => {
    const method = path.endsWith('infer') ? 'POST' : 'GET';
    expect((await ask(path, method)).status).toBe(status);
  });
});

describe('statistics', () => {
  it('counts requests per model, and of all models', async () => {
    const { body } = await ask('/v2/models/fixed/versions/1/stats');
    expect(body.model_stats).toHaveLength(1);
    expect(body.model_stats[0]).toMatchObject({
      name: 'fixed',
      version: '1',
      inference_count: 5,
      execution_count: 4,
      batch_stats: [{ batch_size: 2, compute_infer: { count: 4, ns: 50 } }],
      last_inference: 17,
      inference_stats: { success: { count: 2, ns: 3000 }, fail: { count: 1, ns: 10 } },
    });
    expect((await ask('/v2/models/stats')).body.model_stats).toHaveLength(MODELS.size);
  });
});

describe('routes in another application', () => {
  it('answer errors in the protocol’s form, and report what is not the client’s fault', async () => {
    const reported: unknown[] = [];
    const plane = createFakePlane();
    const broken = Object.assign(plane, {
      metadata: () => {
        throw new TypeError('secret detail');
      },
    });
    const host = new Hono();
    host.route(
      '/',
      createV2Routes(broken, {}, (error) => reported.push(error)),
    );
    const response = await host.request('/v2/models/fixed');
    expect(response.status).toBe(500);
    expect(await response.json()).toEqual({ error: 'internal error' });
    expect(reported).toHaveLength(1);
    expect((await host.request('/v2/models/none/ready')).status).toBe(404);
    expect(reported).toHaveLength(1);
  });
});
