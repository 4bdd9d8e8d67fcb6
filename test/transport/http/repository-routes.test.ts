import { describe, expect, it } from 'vitest';
import { createRepositoryRoutes } from '../../../src/transport/http/repository-routes.ts';
import { FakeRepositoryPlane } from './fake-repository-plane.ts';

async function post(path: string, body?: string, plane = new FakeRepositoryPlane()) {
  const sent = { method: 'POST', ...(body === undefined ? {} : { body }) };
  const response = await createRepositoryRoutes(plane, undefined).request(`/v2/repository/${path}`, sent);
  const text = await response.text();
  return { status: response.status, body: text === '' ? undefined : JSON.parse(text), told: plane.told };
}

describe('the index', () => {
  it('lists everything, without any body', async () => {
    const { status, body } = await post('index');
    expect([status, body]).toEqual([200, new FakeRepositoryPlane().entries]);
  });

  it('lists only what is ready when asked', async () => {
    const { body } = await post('index', '{"ready":true}');
    expect(body.map(({ name, version }: { name: string; version: string }) => `${name} ${version}`)).toEqual([
      'fixed 1',
      'fixed 3',
    ]);
    expect((await post('index', '{"ready":false}')).body).toHaveLength(3);
  });

  it.each([
    ['{}', 200],
    ['', 200],
    ['{"ready":1}', 400],
    ['[]', 400],
    ['{', 400],
    [' '.repeat(70_000), 413],
  ])('answers a body of %j with %i', async (body, status) => {
    expect((await post('index', body)).status).toBe(status);
  });

  it('refuses another verb and says which one is served', async () => {
    const response = await createRepositoryRoutes(new FakeRepositoryPlane(), undefined).request(
      '/v2/repository/index',
    );
    expect([response.status, response.headers.get('allow')]).toEqual([405, 'POST']);
  });
});

describe.each(['load', 'unload'])('%s', (verb) => {
  it('is answered 200 without content, with any body that clients send', async () => {
    for (const body of [
      undefined,
      '',
      '{}',
      '{"parameters":{}}',
      '{"parameters":{"unload_dependents":true}}',
    ])
      expect(await post(`models/fixed/${verb}`, body)).toEqual({
        status: 200,
        body: undefined,
        told: [`${verb} fixed`],
      });
  });

  it.each([
    ['models/none', undefined, 404, /^Request for unknown model: 'none'/],
    ['models/..%2Ffixed', undefined, 400, /must not hold a path/],
    ['models/fixed', '{"parameters":{"config":"{}"}}', 400, /^parameter 'config' is not supported here$/],
    ['models/fixed', '{"parameters":{"file:1/model.onnx":"AAAA"}}', 400, /is not supported here$/],
    ['models/fixed', '{"parameters":1}', 400, /must be an object/],
    ['models/fixed', '[]', 400, /expected a JSON object/],
    ['models/fixed', '{', 400, /JSON/],
  ])('of %s with %s is answered %i', async (path, sent, status, reason) => {
    const { told, ...answer } = await post(`${path}/${verb}`, sent);
    expect(answer).toEqual({ status, body: { error: expect.stringMatching(reason) } });
    expect(told).toEqual([]);
  });
});

it('a model that cannot be loaded is a 400 with the reason', async () => {
  const { status, body } = await post('models/bad/load');
  expect([status, body]).toEqual([400, { error: "failed to load 'bad': version 1: broken" }]);
});
