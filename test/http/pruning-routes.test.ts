import { describe, expect, it } from 'vitest';
import type { Mode } from '../../src/control/state.ts';
import { unknownModel } from '../../src/http/plane.ts';
import { createPruningRoutes, type PruningPlane } from '../../src/http/pruning-routes.ts';

const PATH = '/v2/models/m/pruning';

class FakePlane implements PruningPlane {
  mode: Mode = 'auto';
  threshold: number | undefined;
  readonly listeners = new Set<(summary: unknown) => void>();

  report(model: string) {
    if (model !== 'm') throw unknownModel(model);
    return { model, mode: this.mode, threshold: this.threshold ?? 0 };
  }

  setMode(model: string, mode: Mode, threshold: number | undefined): void {
    this.report(model);
    this.mode = mode;
    this.threshold = threshold;
    for (const listener of this.listeners) listener(this.report(model));
  }

  follow(model: string, listener: (summary: unknown) => void): () => void {
    listener(this.report(model));
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }
}

const put = (body: string, headers: Record<string, string> = {}) => ({ method: 'PUT', body, headers });

describe('GET', () => {
  it('gives the report; an unknown model is 404', async () => {
    const routes = createPruningRoutes(new FakePlane(), undefined);
    expect(await (await routes.request(PATH)).json()).toEqual({ model: 'm', mode: 'auto', threshold: 0 });
    const unknown = await routes.request('/v2/models/other/pruning');
    expect([unknown.status, await unknown.json()]).toEqual([
      404,
      { error: "Request for unknown model: 'other' is not found" },
    ]);
  });
});

describe('PUT', () => {
  it.each(['auto', 'observe', 'off'])('changes the mode to %s', async (mode) => {
    const plane = new FakePlane();
    const response = await createPruningRoutes(plane, undefined).request(PATH, put(JSON.stringify({ mode })));
    expect([response.status, plane.mode]).toEqual([200, mode]);
    expect(await response.json()).toMatchObject({ mode });
  });

  it('fixes a threshold', async () => {
    const plane = new FakePlane();
    await createPruningRoutes(plane, undefined).request(PATH, put('{"mode":"fixed","threshold":0.25}'));
    expect([plane.mode, plane.threshold]).toEqual(['fixed', 0.25]);
  });

  it.each([
    ['{"mode":"fixed","threshold":-1}', /^threshold: /],
    ['{"mode":"fixed","threshold":NaN}', /^body is not JSON/],
    ['{"mode":"fixed","threshold":1e999}', /^threshold: /],
    ['{"mode":"fixed","threshold":"1"}', /^threshold: /],
    ['{"mode":"fixed"}', /^threshold: mode 'fixed' needs one/],
    ['{"mode":"auto","threshold":1}', /^threshold: only mode 'fixed'/],
    ['{"mode":"warm"}', /^mode: /],
    ['{"mode":"auto","Threshold":1}', /Threshold/],
    ['{}', /^mode: /],
    ['[]', /^body: /],
    ['', /^body is not JSON/],
    ['{"mode":', /^body is not JSON/],
  ])('refuses %s', async (body, message) => {
    const plane = new FakePlane();
    const response = await createPruningRoutes(plane, undefined).request(PATH, put(body));
    expect(response.status).toBe(400);
    expect(((await response.json()) as { error: string }).error).toMatch(message);
    expect(plane.mode).toBe('auto');
  });

  it('refuses another verb and says which are served', async () => {
    const response = await createPruningRoutes(new FakePlane(), undefined).request(PATH, {
      method: 'DELETE',
    });
    expect([response.status, response.headers.get('allow')]).toEqual([405, 'GET, HEAD, PUT']);
  });
});

describe('who may PUT', () => {
  const from = (remoteAddress: string) => ({ incoming: { socket: { remoteAddress } } });
  const off = put('{"mode":"off"}');

  it.each([
    ['127.0.0.1', 200],
    ['127.8.8.8', 200],
    ['::1', 200],
    ['::ffff:127.0.0.1', 200],
    ['10.0.0.7', 403],
    ['::ffff:10.0.0.7', 403],
    ['2001:db8::1', 403],
  ])('without a token, %s gets %i', async (address, status) => {
    const routes = createPruningRoutes(new FakePlane(), undefined);
    expect((await routes.request(PATH, off, from(address))).status).toBe(status);
    expect((await routes.request(PATH, {}, from(address))).status).toBe(200);
  });

  it.each([
    [undefined, 401],
    ['Bearer wrong-token', 401],
    ['Bearer secret-token2', 401],
    ['secret-token', 401],
    ['Bearer secret-token', 200],
  ])('with a token, the header %s gets %i from anywhere', async (authorization, status) => {
    const plane = new FakePlane();
    const routes = createPruningRoutes(plane, 'secret-token');
    const headers: Record<string, string> = authorization === undefined ? {} : { authorization };
    const response = await routes.request(PATH, { ...off, headers }, from('10.0.0.7'));
    expect([response.status, plane.mode]).toEqual([status, status === 200 ? 'off' : 'auto']);
    expect(await response.text()).not.toContain('secret-token');
  });
});

describe('events', () => {
  it('gives the present state at once, every change after it, and lets go when the client does', async () => {
    const plane = new FakePlane();
    const response = await createPruningRoutes(plane, undefined).request(`${PATH}/events`);
    expect(response.headers.get('content-type')).toMatch(/^text\/event-stream/);
    const reader = response.body!.getReader();
    const text = async () => new TextDecoder().decode((await reader.read()).value);
    expect(await text()).toMatch(/event: pruning\ndata: \{"model":"m","mode":"auto"/);
    plane.setMode('m', 'observe', undefined);
    expect(await text()).toContain('"mode":"observe"');
    await reader.cancel();
    expect(plane.listeners.size).toBe(0);
  });

  it('of an unknown model are a 404', async () => {
    const routes = createPruningRoutes(new FakePlane(), undefined);
    expect((await routes.request('/v2/models/other/pruning/events')).status).toBe(404);
  });
});
