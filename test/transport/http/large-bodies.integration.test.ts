import { afterEach, describe, expect, it } from 'vitest';
import type { ModelMetadata } from '../../../src/protocol/types.ts';
import { createApp } from '../../../src/transport/http/app.ts';
import type { HttpLimits } from '../../../src/transport/http/limits.ts';
import { type Listening, listen } from '../../../src/transport/http/server.ts';
import { createFakePlane, type FakePlane } from './fake-plane.ts';

let server: Listening | undefined;
afterEach(async () => {
  await server?.stop(0);
  server = undefined;
});

const COUNT = 1_000_000;
const data = Array.from({ length: COUNT }, (_, i) => (i % 1000) / 8).join(',');
const body = (shape: string) =>
  `{"inputs":[{"name":"x","datatype":"FP32","shape":[${shape}],"data":[${data}]}]}`;

async function start(plane: FakePlane): Promise<(shape: string) => Promise<Response>> {
  server = await listen(createApp(plane), { host: '127.0.0.1', port: 0 });
  const { url } = server;
  return (shape) => fetch(`${url}/v2/models/any-fp32/infer`, { method: 'POST', body: body(shape) });
}

/** Turns that the event loop takes while a large body is decoded, and while its answer is encoded. */
async function turnsOf(limits: Partial<HttpLimits>): Promise<{ decoding: number; encoding: number }> {
  const plane = createFakePlane();
  const { metadata, run } = plane;
  let turns = 0;
  let isOver = false;
  const count = () => {
    turns++;
    if (!isOver) setImmediate(count);
  };
  setImmediate(count);
  let asked = 0;
  let decodes = 0;
  let runs = 0;
  // Asked first before the body is read, then before it is decoded.
  plane.metadata = (...args) => {
    if (++asked === 2) decodes = turns;
    return metadata(...args);
  };
  plane.run = (...args) => {
    runs = turns;
    return run(...args);
  };
  const request = { method: 'POST', body: body(String(COUNT)) };
  const { status } = await createApp(plane, limits).request('/v2/models/any-fp32/infer', request);
  const answered = turns;
  isOver = true;
  expect([status, asked >= 2]).toEqual([200, true]);
  return { decoding: runs - decodes, encoding: answered - runs };
}

describe('a large JSON body', () => {
  it('is answered exactly', async () => {
    const send = await start(createFakePlane());
    const answer = await send(String(COUNT));
    expect(answer.status).toBe(200);
    expect((await answer.text()).endsWith(`"data":[${data}]}]}`)).toBe(true);
  });

  it('leaves the thread that serves free while it is decoded and encoded', async () => {
    const aside = await turnsOf({});
    expect(aside.decoding).toBeGreaterThan(0);
    expect(aside.encoding).toBeGreaterThan(0);
    const inline = {
      threadFromBytes: Number.POSITIVE_INFINITY,
      threadFromElements: Number.POSITIVE_INFINITY,
    };
    expect(await turnsOf(inline)).toEqual({ decoding: 0, encoding: 0 });
  });

  it('is refused for the same reason as a small one', async () => {
    const send = await start(createFakePlane());
    const answer = await send(String(COUNT + 1));
    expect(answer.status).toBe(400);
    expect(await answer.json()).toEqual({
      error: expect.stringMatching(/^input 'x': .*1000000.*1000001/),
    });
  });

  it('is checked against the model that answers when it has been decoded', async () => {
    const plane = createFakePlane();
    const { metadata } = plane;
    let asked = 0;
    // Another model takes its place while the body is away.
    plane.metadata = (name, version): ModelMetadata => {
      const found = metadata(name, version);
      if (asked++ < 2) return found;
      return { ...found, inputs: [{ name: 'x', datatype: 'FP32', shape: [7] }] };
    };
    const send = await start(plane);
    const answer = await send(String(COUNT));
    expect([answer.status, await answer.json()]).toEqual([400, { error: expect.stringContaining('[7]') }]);
    expect(plane.requests).toEqual([]);
  });
});
