import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { ServingError } from '../../../src/config/errors.ts';
import { encodeInferRequest } from '../../../src/protocol/grpc/encode-request.ts';
import type { Tensor } from '../../../src/protocol/types.ts';
import { type GrpcLoadOptions, runGrpcLoad } from '../../../src/tools/bench/grpc-load.ts';
import { type GrpcListening, listenGrpc } from '../../../src/transport/grpc/server.ts';
import { createFakePlane, type FakePlane } from '../../transport/http/fake-plane.ts';

let plane: FakePlane;
let server: GrpcListening;
beforeEach(async () => {
  plane = createFakePlane();
  server = await listenGrpc(plane, { host: '127.0.0.1', port: 0 }, { maxMessageBytes: 1 << 20 });
});
afterEach(() => server.stop(0));

const x = (value: number): Tensor => ({
  name: 'x',
  datatype: 'FP32',
  shape: [1],
  elements: Float32Array.of(value),
});
const load = (options: Partial<GrpcLoadOptions>) =>
  runGrpcLoad({
    address: server.address,
    messages: [0, 1, 2, 3].map((value) =>
      encodeInferRequest('any-fp32', { parameters: {}, inputs: [x(value)] }, value % 2 === 0),
    ),
    connections: 2,
    extent: { requests: 40 },
    signal: new AbortController().signal,
    ...options,
  });

it('sends so many requests, in rotation, each once the one before is answered', async () => {
  let atOnce = 0;
  let most = 0;
  const identity = plane.run;
  plane.run = async (...call) => {
    most = Math.max(most, ++atOnce);
    await sleep(5);
    atOnce--;
    return identity(...call);
  };
  const told: number[] = [];
  const result = await load({ onAnswer: (answers) => told.push(answers) });
  expect(result).toMatchObject({ requests: 40, non2xx: 0, errors: 0 });
  expect(result.throughput).toBeCloseTo(40 / result.seconds);
  expect(result.latency.p99).toBeGreaterThanOrEqual(result.latency.p50);
  expect(told).toEqual(Array.from({ length: 40 }, (_, i) => i + 1));
  expect(most).toBe(2);
  const values = plane.requests.map(({ request }) => (request.inputs[0]!.elements as Float32Array)[0]);
  expect(new Set(values)).toEqual(new Set([0, 1, 2, 3]));
});

it('counts what fails apart, and ends when it is told to', async () => {
  const stop = new AbortController();
  const identity = plane.run;
  plane.run = (...call) =>
    plane.requests.length % 2 === 0
      ? Promise.reject(new ServingError('OVERLOADED', 'full'))
      : identity(...call);
  const result = await load({
    extent: { seconds: 60 },
    signal: stop.signal,
    onAnswer: (answers) => {
      if (answers === 10) stop.abort();
    },
  });
  expect(result.requests).toBeGreaterThanOrEqual(10);
  expect(result.requests).toBeLessThanOrEqual(11);
  expect(result.non2xx).toBeGreaterThan(5);
});
