import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { xorshift } from '../../src/drift/xorshift.ts';
import {
  speedupOf,
  speedupOfShare,
  speedupOfTotals,
  verdictOf,
  WORTHWHILE,
} from '../../src/sparse/speedup.ts';

const ratio = fc.double({ min: 0.1, max: 10, noNaN: true });

/** P(at most k of n fair coins show heads). */
function tail(n: number, k: number): number {
  let sum = 0;
  let choose = 1;
  for (let i = 0; i <= k; i++) {
    sum += choose;
    choose = (choose * (n - i)) / (i + 1);
  }
  return sum / 2 ** n;
}

describe('a speedup', () => {
  it('is the median of the rounds, inside its interval', () => {
    fc.assert(
      fc.property(fc.array(ratio, { minLength: 1, maxLength: 40 }), (ratios) => {
        const { ratio: median, low, high } = speedupOf(ratios);
        const below = ratios.filter((r) => r < median).length;
        const above = ratios.filter((r) => r > median).length;
        expect(Math.max(below, above)).toBeLessThanOrEqual(ratios.length / 2);
        expect(low).toBeLessThanOrEqual(median);
        expect(high).toBeGreaterThanOrEqual(median);
      }),
    );
  });

  it('has the tightest interval of order statistics that misses the median with at most 5 %', () => {
    for (let n = 6; n <= 40; n++) {
      const { low, high } = speedupOf(Array.from({ length: n }, (_, i) => i));
      const below = low;
      expect(high).toBe(n - 1 - below);
      expect(2 * tail(n, below)).toBeLessThanOrEqual(0.05);
      expect(2 * tail(n, below + 1) > 0.05 || below + 1 >= n / 2).toBe(true);
    }
  });

  it('of part of production lies between 1 and that of the part', () => {
    expect(speedupOfShare({ ratio: 2, low: 2, high: 2 }, 0.5).ratio).toBeCloseTo(4 / 3);
    fc.assert(
      fc.property(ratio, fc.double({ min: 0, max: 1, noNaN: true }), (r, share) => {
        const whole = speedupOfShare({ ratio: r, low: r, high: r }, share).ratio;
        expect(whole).toBeGreaterThanOrEqual(Math.min(1, r) - 1e-9);
        expect(whole).toBeLessThanOrEqual(Math.max(1, r) + 1e-9);
      }),
    );
  });
});

describe('the verdict on a sparse model', () => {
  it('is open before nine rounds', () => {
    expect(verdictOf(new Array<number>(8).fill(3))).toBe('open');
  });

  it('is for it when the whole interval is worthwhile, against it when none of it is', () => {
    expect(verdictOf(new Array<number>(9).fill(WORTHWHILE))).toBe('faster');
    expect(verdictOf(new Array<number>(9).fill(1))).toBe('not-faster');
  });

  it('is against it when rounds disagree to the end', () => {
    const disagreeing = (n: number) => Array.from({ length: n }, (_, i) => (i % 2 === 0 ? 0.9 : 1.2));
    expect(verdictOf(disagreeing(20))).toBe('open');
    expect(verdictOf(disagreeing(20), true)).toBe('not-faster');
    expect(verdictOf(disagreeing(101))).toBe('not-faster');
  });
});

describe('the speedup of a stream of requests', () => {
  const ms = fc.double({ min: 0.01, max: 100, noNaN: true });
  const request = fc.record({ plainMs: ms, prunedMs: fc.option(ms, { nil: null }) });
  const requests = fc.array(request, { minLength: 1, maxLength: 50 });

  it('is total time plain over total time as served, inside its interval', () => {
    fc.assert(
      fc.property(requests, (timed) => {
        const { ratio: found, low, high } = speedupOfTotals(timed, 1);
        const plain = timed.reduce((sum, { plainMs }) => sum + plainMs, 0);
        const served = timed.reduce((sum, { plainMs, prunedMs }) => sum + (prunedMs ?? plainMs), 0);
        expect(found).toBeCloseTo(plain / served, 9);
        expect(low).toBeLessThanOrEqual(high);
      }),
    );
  });

  it('is 1 where nothing is pruned', () => {
    fc.assert(
      fc.property(requests, (timed) => {
        expect(speedupOfTotals(timed, 0)).toEqual({ ratio: 1, low: 1, high: 1 });
      }),
    );
  });

  it('covers the truth about as often as its interval promises', () => {
    const random = xorshift(5);
    let covered = 0;
    for (let i = 0; i < 200; i++) {
      // The truth: E[plain] / E[pruned] = 1.5 / 1.
      const timed = Array.from({ length: 60 }, () => {
        const plainMs = 1 + random();
        return { plainMs, prunedMs: (plainMs / 1.5) * (0.8 + 0.4 * random()) };
      });
      const { low, high } = speedupOfTotals(timed, 1);
      covered += low <= 1.5 && high >= 1.5 ? 1 : 0;
    }
    expect(covered).toBeGreaterThanOrEqual(176);
  });
});
