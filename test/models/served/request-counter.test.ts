import { expect, it } from 'vitest';
import { readExposition, samplesOf } from '../../../console/exposition.js';
import { RequestCounter } from '../../../src/models/served/request-counter.ts';
import { Metrics } from '../../../src/telemetry/metrics.ts';

it('tells where a request spends its time, in phases that add up', async () => {
  const metrics = new Metrics();
  const counter = new RequestCounter({ model: 'm', version: '1' }, metrics, () => undefined);
  const result = { outputs: [], queueMs: 2, inferMs: 5 };
  counter.answered({ rows: 1, threshold: 0, result, totalMs: 10 });
  counter.transported({ decodeMs: 1, encodeMs: 4 });
  counter.countWaiting();
  const exposition = readExposition((await metrics.expose(undefined)).body);
  const secondsOf = (name: string) =>
    Object.fromEntries(
      samplesOf(exposition, `taustat_${name}_seconds_sum`).map(({ labels, value }) => [labels.phase, value]),
    );
  // 1 before and 4 after the 10 that are told as the total.
  expect(secondsOf('phase_duration')).toEqual({
    decode: 0.001,
    dispatch: 0.003,
    queue: 0.002,
    infer: 0.005,
    encode: 0.004,
  });
  expect(secondsOf('request_duration')).toEqual({ queue: 0.002, infer: 0.005, total: 0.01 });
});
