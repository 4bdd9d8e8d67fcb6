import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { hashToUnit, Sampler } from '../../src/loop/sampler.ts';

const idle = { shadowMs: 0, workers: 1 };

describe('Sampler', () => {
  it('gives an id the same answer every time, in every process', () => {
    fc.assert(
      fc.property(fc.string({ minLength: 1 }), fc.double({ min: 0, max: 1, noNaN: true }), (id, ratio) => {
        const one = new Sampler({ ratio, budget: 1 });
        const other = new Sampler({ ratio, budget: 1 });
        other.position(undefined);
        expect(other.position(id)).toBe(one.position(id));
        const position = one.position(id);
        if (position < 0.75 * ratio) expect(other.decide(position, 5, idle)).toBe('sample');
      }),
    );
  });

  it('samples the configured share, with and without ids', () => {
    for (const idOf of [(i: number) => `request-${i}`, () => undefined]) {
      const sampler = new Sampler({ ratio: 0.05, budget: 1 });
      let sampled = 0;
      for (let i = 0; i < 20_000; i++)
        if (sampler.decide(sampler.position(idOf(i)), i, idle) === 'sample') sampled++;
      expect(sampled / 20_000).toBeGreaterThan(0.045);
      expect(sampled / 20_000).toBeLessThan(0.055);
    }
  });

  it('sees some of the requests of a client whose ids are all the same', () => {
    const sampler = new Sampler({ ratio: 0.05, budget: 1 });
    let sampled = 0;
    for (let i = 0; i < 20_000; i++) if (sampler.decide(0.9, i, idle) === 'sample') sampled++;
    expect(sampled / 20_000).toBeGreaterThan(0.01);
  });

  it('samples nothing at a ratio of 0 and everything at 1', () => {
    expect(new Sampler({ ratio: 0, budget: 1 }).decide(0, 0, idle, 'urgent')).toBe('pass');
    expect(new Sampler({ ratio: 1, budget: 1 }).decide(0.999, 0, idle)).toBe('sample');
  });

  it('keeps shadow work within its share of worker time', () => {
    const sampler = new Sampler({ ratio: 1, budget: 0.1 });
    let shadowMs = 0;
    const seconds = 60;
    for (let now = 0; now < seconds * 1000; now += 10) {
      if (sampler.decide(0.5, now, { shadowMs, workers: 2 }) === 'sample') shadowMs += 50;
    }
    expect(shadowMs / (seconds * 1000 * 2)).toBeLessThan(0.11);
    expect(shadowMs / (seconds * 1000 * 2)).toBeGreaterThan(0.09);
  });

  it('looks at every request that is welcome, within the budget, and counts none of the others as dropped', () => {
    const sampler = new Sampler({ ratio: 0.05, budget: 0.1 });
    expect(sampler.decide(0.5, 0, idle)).toBe('pass');
    expect(sampler.decide(0.5, 1, idle, 'welcome')).toBe('sample');
    const spent = { shadowMs: 1e4, workers: 1 };
    expect(sampler.decide(0.5, 2, spent, 'urgent')).toBe('pass');
    expect(sampler.decide(0.01, 3, spent, 'urgent')).toBe('over-budget');
  });

  it('keeps half a minute of its budget for what is urgent', () => {
    const budget = 0.1;
    const sampled = { welcome: 0, urgent: 0 };
    for (const interest of ['welcome', 'urgent'] as const) {
      const sampler = new Sampler({ ratio: 0.05, budget });
      // As many at once as the budget lets through, a second's worth of it, or all that is saved.
      for (; sampler.decide(0.5, 0, { shadowMs: sampled[interest], workers: 1 }, interest) === 'sample'; )
        sampled[interest]++;
    }
    expect(sampled.welcome).toBeCloseTo(1000 * budget, 6);
    expect(sampled.urgent).toBeCloseTo(31_000 * budget, 6);
  });

  it('goes on with its samples after a surprise has used up what was saved, and saves half of its budget again', () => {
    const sampler = new Sampler({ ratio: 0.2, budget: 0.02 });
    const sampled = { usual: 0, urgent: 0 };
    let [now, shadowMs] = [0, 0];
    const ask = (interest: 'usual' | 'urgent') => {
      now += 10;
      if (sampler.decide((0.618 * now) % 1, now, { shadowMs, workers: 1 }, interest) !== 'sample') return;
      shadowMs++;
      sampled[interest]++;
    };
    for (let i = 0; i < 2000; i++) ask('urgent');
    expect(sampled.urgent).toBeCloseTo(620 + 400, -1);
    for (let i = 0; i < 1000; i++) ask('usual');
    expect(sampled.usual).toBeGreaterThan(90);
    expect(sampled.usual).toBeLessThan(110);
    const saved = sampled.urgent;
    for (let i = 0; i < 200; i++) ask('urgent');
    expect(sampled.urgent - saved).toBeGreaterThan(100 + 30);
  });

  it('never spends more than its budget and what it has saved, whatever is wanted', () => {
    const interests = fc.constantFrom('usual' as const, 'welcome' as const, 'urgent' as const);
    const requests = fc.array(fc.tuple(interests, fc.integer({ min: 0, max: 400 })), { maxLength: 400 });
    fc.assert(
      fc.property(requests, fc.constantFrom(0.02, 0.1, 0.5), (story, budget) => {
        const sampler = new Sampler({ ratio: 0.3, budget });
        const runMs = 20;
        let [now, shadowMs] = [0, 0];
        for (const [interest, after] of story) {
          now += after;
          if (sampler.decide((now % 97) / 97, now, { shadowMs, workers: 2 }, interest) === 'sample')
            shadowMs += runMs;
          expect(shadowMs).toBeLessThanOrEqual(budget * 2 * (now + 31_000) + runMs);
        }
      }),
    );
  });

  it('lets a suspicion use half of what is saved, and tells what was sampled for it alone', () => {
    const sampler = new Sampler({ ratio: 0.05, budget: 0.1 });
    let shadowMs = 0;
    for (; sampler.decide(0.5, 0, { shadowMs, workers: 1 }, 'suspect') !== 'pass' && shadowMs < 9999; )
      shadowMs++;
    expect(shadowMs).toBeCloseTo(1600, -1);
    for (; sampler.decide(0.5, 0, { shadowMs, workers: 1 }, 'urgent') !== 'pass' && shadowMs < 9999; )
      shadowMs++;
    expect(shadowMs).toBeCloseTo(3100, -1);
    const fresh = new Sampler({ ratio: 0.05, budget: 0.1 });
    expect(fresh.decide(0.5, 0, idle, 'suspect')).toBe('extra');
    expect(fresh.decide(0.01, 0, idle, 'suspect')).toBe('sample');
  });

  it('keeps to its share of the thread that serves at any time, whatever samples took before', () => {
    const sampler = new Sampler({ ratio: 1, budget: 0.02 });
    let [shadowMs, servingMs, now] = [0, 0, 0];
    const ask = (workerMs: number, ms: number) => {
      now += 10;
      if (sampler.decide(0.5, now, { shadowMs, workers: 2, servingMs }, 'welcome') !== 'sample') return;
      shadowMs += workerMs;
      servingMs += ms;
    };
    for (let i = 0; i < 100_000; i++) ask(20, 0.1);
    const before = servingMs;
    for (let i = 0; i < 30_000; i++) ask(0.2, 0.5);
    expect(servingMs - before).toBeLessThan(0.02 * (300_000 + 2000));
  });

  it('keeps within its share of the workers and of the thread that serves, whichever is scarcer', () => {
    const costs = fc.record({
      workerMs: fc.double({ min: 0, max: 20, noNaN: true }),
      servingMs: fc.double({ min: 0, max: 5, noNaN: true }),
    });
    fc.assert(
      fc.property(
        fc.array(costs, { minLength: 1, maxLength: 8 }),
        fc.integer({ min: 1, max: 16 }),
        (cycle, workers) => {
          const budget = 0.02;
          const sampler = new Sampler({ ratio: 1, budget });
          let [shadowMs, servingMs] = [0, 0];
          for (let now = 0; now < 20_000; now += 10) {
            if (sampler.decide(0.5, now, { shadowMs, workers, servingMs }, 'urgent') === 'sample') {
              const cost = cycle[(now / 10) % cycle.length]!;
              shadowMs += cost.workerMs;
              servingMs += cost.servingMs;
            }
            expect(shadowMs).toBeLessThanOrEqual(budget * workers * (now + 31_000) + 20);
            expect(servingMs).toBeLessThanOrEqual(budget * (now + 31_000) + 5);
          }
        },
      ),
      { numRuns: 50 },
    );
  });

  it('does not go wild when the clock jumps back', () => {
    const sampler = new Sampler({ ratio: 1, budget: 0.1 });
    sampler.decide(0.5, 1e6, idle);
    expect(sampler.decide(0.5, 0, { shadowMs: 1e5, workers: 1 })).toBe('over-budget');
  });
});

describe('hashToUnit', () => {
  it('spreads similar ids evenly', () => {
    const buckets = new Array<number>(10).fill(0);
    for (let i = 0; i < 10_000; i++) buckets[Math.floor(hashToUnit(`id-${i}`) * 10)]!++;
    for (const count of buckets) expect(Math.abs(count - 1000)).toBeLessThan(150);
  });
});
