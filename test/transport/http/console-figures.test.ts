import fc from 'fast-check';
import { Counter, Histogram, Registry } from 'prom-client';
import { describe, expect, it } from 'vitest';
import { type Exposition, readExposition } from '../../../console/exposition.js';
import { consoleModule } from './console-module.ts';

interface Bucket {
  readonly upTo: number;
  readonly count: number;
}
interface Traffic {
  readonly answered: number | null;
  readonly failed: number | null;
  readonly p50: Record<'queue' | 'infer' | 'total', number | null>;
  readonly p99: number | null;
}

const { gained, quantile } = await consoleModule<{
  gained(before: readonly Bucket[], after: readonly Bucket[]): Bucket[] | null;
  quantile(buckets: readonly Bucket[], q: number): number | null;
}>('quantile');
const { createTrafficMeter } = await consoleModule<{
  createTrafficMeter(model: string): { observe(at: number, exposition: Exposition): Traffic };
}>('traffic');

const cumulative = (edges: readonly number[], counts: readonly number[]): Bucket[] => {
  let count = 0;
  return [...edges, Number.POSITIVE_INFINITY].map((upTo, i) => {
    count += counts[i] ?? 0;
    return { upTo, count };
  });
};

describe('quantile of a cumulative histogram', () => {
  it('is linear inside the bucket that holds it', () => {
    const buckets = cumulative([1, 2, 4], [10, 20, 10]);
    expect(quantile(buckets, 0.5)).toBe(1.5);
    expect(quantile(buckets, 0.25)).toBe(1);
    expect(quantile(buckets, 1)).toBe(4);
    expect(quantile(buckets, 0.125)).toBe(0.5);
  });

  it('passes over empty buckets, stops at the last finite edge, and is null without an observation', () => {
    expect(quantile(cumulative([1, 2, 4], [0, 0, 6]), 0.5)).toBe(3);
    expect(quantile(cumulative([1, 2], [1, 0, 9]), 0.5)).toBe(2);
    expect(quantile(cumulative([1, 2], []), 0.5)).toBeNull();
    expect(quantile([], 0.5)).toBeNull();
  });

  it('lies in the bucket of the order statistic, and grows with q', () => {
    const edges = [1, 2, 5, 10, 20];
    const values = fc.array(fc.double({ min: 0.01, max: 20, noNaN: true }), { minLength: 1, maxLength: 60 });
    fc.assert(
      fc.property(values, fc.double({ min: 0.01, max: 1, noNaN: true }), (observed, q) => {
        const buckets = [...edges, Number.POSITIVE_INFINITY].map((upTo) => ({
          upTo,
          count: observed.filter((value) => value <= upTo).length,
        }));
        const estimate = quantile(buckets, q)!;
        const exact = observed.toSorted((a, b) => a - b)[Math.max(0, Math.ceil(q * observed.length) - 1)]!;
        const upper = edges.find((edge) => exact <= edge)!;
        const lower = edges[edges.indexOf(upper) - 1] ?? 0;
        expect(estimate).toBeGreaterThanOrEqual(lower);
        expect(estimate).toBeLessThanOrEqual(upper);
        expect(quantile(buckets, q / 2)!).toBeLessThanOrEqual(estimate);
      }),
    );
  });

  it('of a gain is of what came in between; a reset gives no gain', () => {
    const before = cumulative([1, 2], [5, 5]);
    const after = cumulative([1, 2], [5, 9]);
    expect(gained(before, after)).toEqual(cumulative([1, 2], [0, 4]));
    expect(quantile(gained(before, after)!, 0.5)).toBe(1.5);
    expect(gained(after, before)).toBeNull();
  });
});

describe('traffic', () => {
  function server() {
    const registers = [new Registry()];
    const requests = new Counter({
      name: 'taustat_requests_total',
      help: 'R.',
      labelNames: ['model', 'outcome'],
      registers,
    });
    const times = new Histogram({
      name: 'taustat_request_duration_seconds',
      help: 'T.',
      labelNames: ['model', 'phase'],
      buckets: [0.001, 0.002, 0.004],
      registers,
    });
    const read = async () => readExposition(await registers[0]!.metrics(), 'taustat_');
    return { requests, times, read };
  }

  it('is what the counters gained over the time between', async () => {
    const { requests, times, read } = server();
    const meter = createTrafficMeter('m');
    requests.inc({ model: 'm', outcome: 'ok' }, 1000);
    for (let i = 0; i < 100; i++) times.observe({ model: 'm', phase: 'total' }, 0.003);
    expect(meter.observe(0, await read()).answered).toBeNull();
    requests.inc({ model: 'm', outcome: 'ok' }, 30);
    requests.inc({ model: 'm', outcome: 'overloaded' }, 4);
    requests.inc({ model: 'm', outcome: 'internal' }, 2);
    requests.inc({ model: 'other', outcome: 'ok' }, 500);
    for (let i = 0; i < 10; i++) times.observe({ model: 'm', phase: 'total' }, 0.0015);
    times.observe({ model: 'm', phase: 'infer' }, 0.0005);
    const traffic = meter.observe(2000, await read());
    expect(traffic.answered).toBe(15);
    expect(traffic.failed).toBe(3);
    expect(traffic.p50.total).toBeCloseTo(0.0015, 9);
    expect(traffic.p99).toBeCloseTo(0.00199, 9);
    expect(traffic.p50.infer).toBeCloseTo(0.0005, 9);
    expect(traffic.p50.queue).toBeNull();
  });

  it('forgets what is older than ten seconds', async () => {
    const { requests, read } = server();
    const meter = createTrafficMeter('m');
    for (let second = 0; second <= 30; second++) {
      const { answered } = meter.observe(second * 1000, await read());
      if (second === 30) expect(answered).toBe(7);
      requests.inc({ model: 'm', outcome: 'ok' }, second < 20 ? 100 : 7);
    }
  });

  it('starts afresh when the server did', async () => {
    const first = server();
    first.requests.inc({ model: 'm', outcome: 'ok' }, 50);
    const meter = createTrafficMeter('m');
    meter.observe(0, await first.read());
    const second = server();
    second.requests.inc({ model: 'm', outcome: 'ok' }, 3);
    expect(meter.observe(1000, await second.read()).answered).toBeNull();
    second.requests.inc({ model: 'm', outcome: 'ok' }, 5);
    expect(meter.observe(2000, await second.read()).answered).toBe(5);
  });
});
