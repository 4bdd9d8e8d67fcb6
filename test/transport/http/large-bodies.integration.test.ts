import { monitorEventLoopDelay } from 'node:perf_hooks';
import { afterEach, describe, expect, it } from 'vitest';
import { decodeInferRequest } from '../../../src/protocol/decode-request.ts';
import { encodeInferResponse } from '../../../src/protocol/encode-response.ts';
import type { ModelMetadata } from '../../../src/protocol/types.ts';
import { createApp } from '../../../src/transport/http/app.ts';
import { type Listening, listen } from '../../../src/transport/http/server.ts';
import { createFakePlane, type FakePlane, MODELS } from './fake-plane.ts';

let server: Listening;
afterEach(() => server.stop(0));

const COUNT = 1_000_000;
const data = Array.from({ length: COUNT }, (_, i) => (i % 1000) / 8).join(',');
const body = (shape: string) =>
  `{"inputs":[{"name":"x","datatype":"FP32","shape":[${shape}],"data":[${data}]}]}`;

async function start(plane: FakePlane): Promise<(shape: string) => Promise<Response>> {
  server = await listen(createApp(plane), { host: '127.0.0.1', port: 0 });
  return (shape) => fetch(`${server.url}/v2/models/any-fp32/infer`, { method: 'POST', body: body(shape) });
}

describe('a large JSON body', () => {
  it('is answered exactly, while the thread that serves stays free', async () => {
    const send = await start(createFakePlane());
    await (await send(String(COUNT))).arrayBuffer();
    const inline = performance.now();
    const request = decodeInferRequest(Buffer.from(body(String(COUNT))), undefined, MODELS.get('any-fp32')!);
    encodeInferResponse(
      { modelName: '', modelVersion: '', parameters: {}, outputs: request.inputs },
      request,
    );
    const inlineMs = performance.now() - inline;
    const lag = monitorEventLoopDelay({ resolution: 1 });
    lag.enable();
    const answer = await send(String(COUNT));
    const text = await answer.text();
    lag.disable();
    expect(answer.status).toBe(200);
    expect(text.endsWith(`"data":[${data}]}]}`)).toBe(true);
    // The client is on this thread too, and handles 5 MB twice.
    expect(lag.max / 1e6).toBeLessThan(Math.max(inlineMs, 100));
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
