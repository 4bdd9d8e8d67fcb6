import { describe, expect, it } from 'vitest';
import { parseConfig } from '../../src/config/schema.ts';
import { xorshift } from '../../src/drift/xorshift.ts';
import { Admission } from '../../src/runtime/admission.ts';
import { quantile } from '../../src/tools/bench/spread.ts';
import { type Arrival, type Served, simulate } from './queueing.ts';

/** Requests at a share of the capacity for a while, at random times; times of service vary by ± 20 %. */
function traffic(share: number, fromMs: number, ms: number, serviceMs: number, workers: number): Arrival[] {
  const random = xorshift(7);
  const arrivals: Arrival[] = [];
  const meanGap = serviceMs / workers / share;
  for (let at = fromMs; at < fromMs + ms; at += -Math.log(1 - random()) * meanGap)
    arrivals.push({ atMs: at, serviceMs: serviceMs * (0.8 + 0.4 * random()) });
  return arrivals;
}

function p99(served: readonly Served[], overheadMs: number): number {
  const latencies = served.flatMap(({ latencyMs }) =>
    latencyMs === undefined ? [] : [latencyMs + overheadMs],
  );
  return quantile(Float64Array.from(latencies).sort(), 0.99);
}

const limitsFor = (workers: number) => ({
  maxQueueMs: parseConfig({}).runtime.maxQueueMs,
  workers,
});

describe('three times the load that can be borne', () => {
  /** What HTTP adds to every answer. */
  const OVERHEAD_MS = 0.5;

  it.each([
    [0.25, 1, 20],
    [1, 1, 60],
    [5, 1, 60],
    [8, 1, 60],
    [10, 1, 60],
    [100, 1, 60],
    [10, 4, 60],
    [2, 4, 40],
  ])(
    'service of %d ms, %d workers, %d s: the accepted stay fast, the workers busy, and it ends at once',
    (service, workers, seconds) => {
      const calm = traffic(0.4, 0, 1000 * seconds, service, workers);
      const flood = traffic(3, 1000 * seconds, 1000 * seconds, service, workers);
      const after = traffic(0.4, 2000 * seconds, 1000 * seconds, service, workers);
      const served = simulate([...calm, ...flood, ...after], workers, limitsFor(workers));
      const part = (from: number, to: number) =>
        served.filter(({ atMs }) => atMs >= 1000 * from && atMs < 1000 * to);
      const before = part(0, seconds);
      expect(before.every(({ latencyMs }) => latencyMs !== undefined)).toBe(true);
      const during = part(seconds, 2 * seconds);
      expect(p99(during, OVERHEAD_MS)).toBeLessThanOrEqual(5 * p99(before, OVERHEAD_MS));
      const accepted = during.filter(({ latencyMs }) => latencyMs !== undefined);
      expect(accepted.length).toBeGreaterThan((0.95 * 1000 * seconds * workers) / service);
      const then = part(2 * seconds + Math.max(0.25, 0.01 * service), 3 * seconds);
      expect(then.every(({ latencyMs }) => latencyMs !== undefined)).toBe(true);
      expect(p99(then, OVERHEAD_MS)).toBeLessThanOrEqual(2 * p99(before, OVERHEAD_MS));
    },
  );
});

describe('three times the load, from clients that pause for a moment', () => {
  it('is no new burst after every pause: the accepted stay fast', () => {
    const isPause = (ms: number) => ms % 2000 < 50;
    const calm = traffic(0.4, 0, 60_000, 1, 1);
    const flood = traffic(3, 60_000, 60_000, 1, 1).filter(({ atMs }) => !isPause(atMs));
    const served = simulate([...calm, ...flood], 1, limitsFor(1));
    const before = served.filter(({ atMs }) => atMs < 60_000);
    const during = served.filter(({ atMs }) => atMs >= 60_000);
    expect(p99(during, 0.5)).toBeLessThanOrEqual(5 * p99(before, 0.5));
  });
});

describe('a burst', () => {
  const burst = (at: number, count: number) =>
    Array.from({ length: count }, () => ({ atMs: at, serviceMs: 10 }));

  it('that the queue holds is answered, all of it', () => {
    const served = simulate(burst(0, 200), 1, limitsFor(1));
    expect(served.every(({ latencyMs }) => latencyMs !== undefined)).toBe(true);
  });

  it('again and again is answered, all of it', () => {
    const bursts = Array.from({ length: 10 }, (_, i) =>
      Array.from({ length: 80 }, () => ({ atMs: 200 * i, serviceMs: 1 })),
    );
    const served = simulate(bursts.flat(), 1, limitsFor(1));
    expect(served.filter(({ latencyMs }) => latencyMs !== undefined).length).toBe(10 * 80);
  });

  it('on top of traffic that can be borne costs its own excess, and no more', () => {
    const bursts = Array.from({ length: 20 }, (_, i) => burst(3000 * i, 300));
    const steady = traffic(0.4, 0, 60_000, 10, 1);
    const arrivals = [...bursts.flat(), ...steady].sort((a, b) => a.atMs - b.atMs);
    const served = simulate(arrivals, 1, limitsFor(1));
    const refused = served.filter(({ latencyMs }) => latencyMs === undefined).length;
    // Of each burst, what takes longer than 400 ms; little of the traffic in the half second after it.
    expect(refused).toBeLessThan(20 * (300 - 42 + 20));
  });

  it('after one that it did not hold is answered, too, once the queue was empty', () => {
    const served = simulate([...burst(0, 300), ...burst(5000, 32)], 1, limitsFor(1));
    expect(served.slice(0, 300).filter(({ latencyMs }) => latencyMs === undefined).length).toBeGreaterThan(
      20,
    );
    expect(served.slice(300).every(({ latencyMs }) => latencyMs !== undefined)).toBe(true);
  });
});

describe('bursts that the queue holds', () => {
  it('are answered again after one overload, though they come every second', () => {
    const overload = traffic(3, 0, 2000, 1, 1);
    const bursts = Array.from({ length: 20 }, (_, i) =>
      Array.from({ length: 16 }, () => ({ atMs: 2600 + 900 * i, serviceMs: 1 })),
    ).flat();
    const served = simulate([...overload, ...bursts], 1, limitsFor(1));
    expect(served.some(({ latencyMs }) => latencyMs === undefined)).toBe(true);
    const then = served.filter(({ atMs }) => atMs >= 2600);
    expect(then.filter(({ latencyMs }) => latencyMs === undefined)).toEqual([]);
  });
});

describe('the queue of a burst', () => {
  it.each([
    [0.1, 2, 512],
    [0.5, 2, 200],
    [1, 2, 128],
    [50, 2, 128],
  ])(
    'holds 100 ms of runs, 64 for each worker at least: departures every %d ms, %d workers',
    (ms, workers, runs) => {
      const admission = new Admission({ maxQueueMs: Number.POSITIVE_INFINITY, workers });
      for (let i = 0; i < 40; i++) admission.departed(10, i * ms);
      expect(admission.refusal(runs - 1, 40 * ms)).toBeUndefined();
      expect(admission.refusal(runs + 1, 40 * ms)?.code).toBe('OVERLOADED');
    },
  );
});

describe('the predicted wait', () => {
  it('is what a run is refused for, however few wait', () => {
    const admission = new Admission({ maxQueue: 100, maxQueueMs: 1000, workers: 1 });
    for (let i = 0; i < 5; i++) admission.departed(10, 400 * i);
    expect(admission.refusal(2, 2000)).toBeUndefined();
    expect(admission.refusal(3, 2000)?.message).toBe('3 requests are waiting already, for about 1200 ms');
    expect(admission.refusal(3, 2000)?.code).toBe('OVERLOADED');
  });

  it('is unknown before anything was answered: the number counts', () => {
    const admission = new Admission({ maxQueue: 4, maxQueueMs: 1, workers: 1 });
    expect(admission.refusal(3, 0)).toBeUndefined();
    expect(admission.refusal(4, 0)?.message).toBe('4 requests are waiting already');
  });

  it('counts no time in which nothing waited', () => {
    const admission = new Admission({ maxQueue: 100, maxQueueMs: 1000, workers: 1 });
    admission.departed(1, 0);
    admission.departed(0, 10);
    admission.departed(1, 100_000);
    admission.departed(1, 100_010);
    expect(admission.refusal(50, 100_010)).toBeUndefined();
  });
});

/** An admission that has just refused a run, while runs leave every `intervalMs`. */
function refusing(intervalMs: number, workers = 1) {
  const admission = new Admission({ maxQueueMs: Number.POSITIVE_INFINITY, workers });
  for (let i = 0; i < 400; i++) admission.departed(10, i * intervalMs);
  const now = 400 * intervalMs;
  expect(admission.refusal(10_000, now)?.code).toBe('OVERLOADED');
  return { admission, now };
}

describe('the queue after a refusal', () => {
  const room = (admission: Admission, now: number) => {
    for (let runs = 0; ; runs++) if (admission.refusal(runs, now) !== undefined) return runs;
  };

  it.each([
    [0.1, 50],
    [0.5, 10],
    [1, 5],
    [5, 1],
    [50, 1],
  ])('holds 5 ms of runs, one for each worker at least: departures every %d ms', (ms, runs) => {
    const { admission, now } = refusing(ms);
    expect(room(admission, now + 1)).toBe(runs);
  });

  it.each([
    [100, 10],
    [200, 20],
    [500, 50],
    [2000, 200],
    [60_000, 200],
  ])('holds 5 ms more for every 100 ms: %d ms later %d runs', (laterMs, runs) => {
    const { admission, now } = refusing(0.5);
    expect(room(admission, now + laterMs)).toBe(runs);
  });
});

describe('a length that is asked for', () => {
  it('is that of a burst and of a queue that stays long, until a run is refused', () => {
    const admission = new Admission({ maxQueue: 1000, maxQueueMs: 400, workers: 1 });
    for (let i = 0; i < 400; i++) admission.departed(10, 0.1 * i);
    admission.waits(40);
    expect(admission.refusal(999, 60_000)).toBeUndefined();
    expect(admission.refusal(1000, 60_000)).toBeDefined();
    expect(admission.refusal(50, 60_001)).toBeDefined();
  });
});

describe('a queue that has not been empty for 100 ms', () => {
  it.each([
    [0.01, 256, 256],
    [0.05, 256, 100],
    [0.5, 200, 64],
    [5, 64, 64],
  ])('holds 5 ms of runs, 64 at least: departures every %d ms', (ms, before, after) => {
    const admission = () => {
      const one = new Admission({ maxQueueMs: Number.POSITIVE_INFINITY, workers: 1 });
      for (let i = 0; i < 400; i++) one.departed(10, i * ms);
      one.waits(400 * ms);
      return one;
    };
    const at = 400 * ms;
    expect(admission().refusal(before - 1, at + 99)).toBeUndefined();
    expect(admission().refusal(before, at + 99)).toBeDefined();
    expect(admission().refusal(after - 1, at + 101)).toBeUndefined();
    expect(admission().refusal(after, at + 101)).toBeDefined();
  });
});

describe('the mean gap between departures', () => {
  it('forgets with a time constant of 100 ms', () => {
    const admission = new Admission({ maxQueueMs: 1000, workers: 1 });
    for (let i = 0; i <= 1000; i++) admission.departed(1, i);
    for (let i = 1; i <= 10; i++) admission.departed(1, 1000 + 10 * i);
    // 100 gaps of 1 ms, discounted by e⁻¹, and 6.6 of 10 ms that are left of ten.
    const wait = admission.refusal(1000, 1100)?.message.match(/about (\d+) ms/)?.[1];
    expect(Number(wait) / 1000).toBeCloseTo((100 * Math.exp(-1) + 66.4) / (100 * Math.exp(-1) + 6.64), 1);
  });
});

describe('a request that the event loop comes to late', () => {
  it('is refused after a refusal: 5 ms into its turn', () => {
    const { admission, now } = refusing(1);
    expect(admission.lateness(4.99, now + 1)).toBeUndefined();
    expect(admission.lateness(5.01, now + 1)?.code).toBe('OVERLOADED');
  });

  it('is let in where nothing was refused', () => {
    const admission = new Admission({ maxQueueMs: 1000, workers: 1 });
    expect(admission.lateness(1e6, 1000)).toBeUndefined();
  });

  it('prolongs nothing by being refused: 100 ms later it is let in', () => {
    const { admission, now } = refusing(0.1);
    for (let ms = 1; ms < 100; ms++) expect(admission.lateness(50, now + ms)).toBeDefined();
    expect(admission.lateness(50, now + 100)).toBeUndefined();
  });
});
