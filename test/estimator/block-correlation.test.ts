import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { xorshift } from '../../src/drift/xorshift.ts';
import { blockCorrelation } from '../../src/estimator/block-correlation.ts';
import { type PlacedRequest, requestCorrelation } from '../../src/estimator/request-correlation.ts';
import { normal, type Random } from '../drift/traffic.ts';

/** Samples of streams in runs of so many of their own requests, which take turns at random and have no names. */
function inTurn(
  count: number,
  random: Random,
  { streams = 1, meanLength = 1, sampledOf = 1, isNamed = false } = {},
): PlacedRequest[] {
  const scene = () => Array.from({ length: 3 }, () => normal(random));
  const latest = Array.from({ length: streams }, scene);
  const counts = latest.map(() => 0);
  const requests: PlacedRequest[] = [];
  for (let index = 0; requests.length < count; index++) {
    const stream = Math.floor(random() * streams);
    if (random() * meanLength < 1) latest[stream] = scene();
    const own = counts[stream]!++;
    const place = isNamed ? { stream, index: own } : { stream: 0, index };
    if (random() * sampledOf < 1) requests.push({ ...place, summary: latest[stream]! });
  }
  return requests;
}

const seeds = Array.from({ length: 12 }, (_, i) => i + 1);
const median = (values: number[]) => values.toSorted((a, b) => a - b)[values.length >> 1]!;

describe('the correlation time by sums of blocks', () => {
  it('is 1 where no request resembles another, whatever share is sampled', () => {
    for (const seed of seeds)
      for (const sampledOf of [1, 8])
        expect(blockCorrelation(inTurn(2048, xorshift(seed), { sampledOf }))).toBe(1);
  });

  it.each([
    [1, 10],
    [4, 10],
    [8, 20],
    [16, 20],
  ])(
    'of %i streams without names in runs of %i is about that of one, 2 · length − 1, however far apart they are',
    (streams, meanLength) => {
      const time = median(
        seeds.map(
          (seed) => blockCorrelation(inTurn(4096, xorshift(seed), { streams, meanLength, sampledOf: 8 }))!,
        ),
      );
      expect(time / (2 * meanLength - 1)).toBeGreaterThan(0.6);
      expect(time / (2 * meanLength - 1)).toBeLessThan(1.5);
    },
  );

  it('shows what is lost in noise at each distance by itself', () => {
    const traffic = (seed: number) =>
      inTurn(1024, xorshift(seed), { streams: 16, meanLength: 20, sampledOf: 8 });
    const shown = seeds.filter((seed) => blockCorrelation(traffic(seed))! > 1.3);
    const seen = seeds.filter((seed) => requestCorrelation(traffic(seed))! > 1.3);
    expect(shown.length).toBeGreaterThan(0.8 * seeds.length);
    expect(seen.length).toBeLessThan(0.5 * seeds.length);
  });

  it('of streams with names is that of each by its own requests', () => {
    const options = { streams: 24, meanLength: 5, isNamed: true };
    const time = median(seeds.map((seed) => blockCorrelation(inTurn(2048, xorshift(seed), options))!));
    expect(time / 9).toBeGreaterThan(0.5);
    expect(time / 9).toBeLessThan(1.5);
  });

  it('is 1 at the least, and finite, for whatever there is; null where that is too little', () => {
    const request = fc.record({
      stream: fc.integer({ min: 0, max: 3 }),
      index: fc.integer({ min: 0, max: 3000 }),
      summary: fc.constantFrom([0, 0], [1, 0], [1, 5], [-2, 1e6]),
    });
    fc.assert(
      fc.property(fc.array(request, { maxLength: 200 }), (requests) => {
        const time = blockCorrelation(requests.toSorted((a, b) => a.index - b.index)) ?? 1;
        expect(time).toBeGreaterThanOrEqual(1);
        expect(time).toBeLessThan(1e5);
      }),
    );
    expect(blockCorrelation([])).toBe(null);
    expect(blockCorrelation(inTurn(40, xorshift(1)))).toBe(null);
  });
});
