import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ApartRequests } from '../../src/loop/apart-requests.ts';

describe('requests that are far apart', () => {
  it('are so many requests of their stream apart at least, and no request that could be taken is left out', () => {
    const streams = fc.array(fc.integer({ min: 0, max: 2 }), { maxLength: 120 });
    fc.assert(
      fc.property(streams, fc.integer({ min: 1, max: 9 }), (order, apart) => {
        const kept = new ApartRequests(1000);
        const next = [0, 0, 0];
        const taken: number[][] = [[], [], []];
        for (const stream of order) {
          const index = next[stream]!;
          next[stream] = index + 1;
          if (kept.add({ stream, index, summary: [index] }, apart)) taken[stream]!.push(index);
        }
        for (const [stream, count] of next.entries())
          expect(taken[stream]).toEqual(
            Array.from({ length: Math.ceil(count / apart) }, (_, k) => k * apart),
          );
        expect(kept.summaries.length).toBe(taken.flat().length);
      }),
    );
  });

  it('go where they turn out to be too close, the latest so many stay, and samples are counted for each', () => {
    const kept = new ApartRequests(10);
    for (let index = 0; index < 40; index += 2) kept.add({ stream: 0, index, summary: [index] }, 4);
    expect(kept.size).toBe(10);
    expect(kept.samplesEach).toBe(2);
    expect(kept.add({ stream: 0, index: 40, summary: [40] }, 8)).toBe(true);
    expect(kept.summaries).toEqual([[0], [8], [16], [24], [32], [40]]);
    expect(kept.add({ stream: 0, index: 42, summary: [42] }, 8)).toBe(false);
    kept.reset();
    expect([kept.size, kept.samplesEach]).toEqual([0, 1]);
  });

  it('take a stream that counts from 0 again', () => {
    const kept = new ApartRequests(10);
    kept.add({ stream: 1, index: 500, summary: [1] }, 8);
    expect(kept.add({ stream: 1, index: 0, summary: [2] }, 8)).toBe(true);
  });
});
