import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { xorshift } from '../../src/drift/xorshift.ts';
import { type PlacedRequest, requestCorrelation } from '../../src/estimator/request-correlation.ts';
import { normal, type Random } from '../drift/traffic.ts';

/** An autoregressive stream of so many numbers per request, of which one in `sampledOf` is seen. */
function autoregressive(count: number, rho: number, random: Random, { sampledOf = 1, stream = 0 } = {}) {
  const requests: PlacedRequest[] = [];
  let [a, b] = [normal(random), normal(random)];
  for (let index = 0; requests.length < count; index++) {
    [a, b] = [a, b].map((x) => rho * x + Math.sqrt(1 - rho * rho) * normal(random)) as [number, number];
    if (random() * sampledOf < 1) requests.push({ stream, index, summary: [a, 100 + 7 * b, 3] });
  }
  return requests;
}

/** 1 + 2 Σ over pools of distances of their size times the mean correlation there, of one stream without gaps; by its formula. */
function batchFormula(
  values: readonly number[],
  pools: readonly (readonly [from: number, to: number])[],
): number {
  const mean = values.reduce((a, b) => a + b) / values.length;
  const variance = values.reduce((a, x) => a + (x - mean) ** 2, 0) / values.length;
  let time = 1;
  for (const [from, to] of pools) {
    let [sum, pairs] = [0, 0];
    for (let lag = from; lag < to; lag++) {
      for (let i = lag; i < values.length; i++) {
        sum += ((values[i]! - mean) * (values[i - lag]! - mean)) / variance;
        pairs++;
      }
    }
    time += (2 * (to - from) * sum) / pairs;
  }
  return time;
}

/** The first octaves alone, then some together: all that the sum may end with. */
const POOLS = Array.from({ length: 8 }, (_, alone) => {
  const octaves = Array.from({ length: alone }, (_, k) => [2 ** k, 2 ** (k + 1)] as const);
  const together = Array.from({ length: 9 - alone }, (_, more) => [2 ** alone, 2 ** (alone + more)] as const);
  return together.map(([from, to]) => (from === to ? octaves : [...octaves, [from, to] as const]));
}).flat();

const seeds = Array.from({ length: 16 }, (_, i) => i + 1);
const mean = (of: (seed: number) => number) => seeds.reduce((sum, seed) => sum + of(seed), 0) / seeds.length;

describe('the correlation time of sampled requests', () => {
  it('is that of the formula where all are sampled, up to where correlation is lost in noise', () => {
    for (const seed of seeds) {
      const requests = autoregressive(400, 0.8, xorshift(seed)).map(({ summary, ...place }) => ({
        ...place,
        summary: [summary[0]!],
      }));
      const values = requests.map(({ summary }) => summary[0]!);
      const time = requestCorrelation(requests)!;
      const possible = POOLS.map((pools) => batchFormula(values, pools));
      expect(Math.min(...possible.map((x) => Math.abs(x - time)))).toBeLessThan(1e-9);
      expect(time).toBeGreaterThan(1);
    }
  });

  it.each([
    [0.5, 1],
    [0.8, 1],
    [0.8, 6],
    [0.95, 6],
  ])('is about (1 + ρ)/(1 − ρ) of an autoregression with ρ = %d, one of %i sampled', (rho, sampledOf) => {
    const expected = (1 + rho) / (1 - rho);
    const time = mean((seed) => requestCorrelation(autoregressive(512, rho, xorshift(seed), { sampledOf }))!);
    expect(time / expected).toBeGreaterThan(0.7);
    expect(time / expected).toBeLessThan(1.3);
  });

  it('compares requests of one stream only, however streams take turns', () => {
    const random = xorshift(4);
    const streams = Array.from({ length: 16 }, (_, stream) => autoregressive(60, 0.8, random, { stream }));
    const inTurn = streams[0]!.flatMap((_, i) => streams.map((stream) => stream[i]!));
    const time = requestCorrelation(inTurn)!;
    expect(time / 9).toBeGreaterThan(0.7);
    expect(time / 9).toBeLessThan(1.3);
  });

  it('is 1 at the least, and finite, for whatever there is', () => {
    const request = fc.record({
      stream: fc.integer({ min: 0, max: 3 }),
      index: fc.integer({ min: 0, max: 3000 }),
      summary: fc.constantFrom([0, 0], [1, 0], [1, 5], [-2, 1e6]),
    });
    fc.assert(
      fc.property(fc.array(request, { maxLength: 120 }), (requests) => {
        const inOrder = requests.toSorted((a, b) => a.index - b.index);
        const time = requestCorrelation(inOrder) ?? 1;
        expect(time).toBeGreaterThanOrEqual(1);
        expect(time).toBeLessThan(1e5);
      }),
    );
    expect(requestCorrelation([])).toBe(null);
  });

  it('does not take the rounding of a number that is always the same for a resemblance', () => {
    for (const constant of [0.1, -13.815511, 1e9 + 0.1]) {
      const random = xorshift(9);
      const requests = Array.from({ length: 512 }, (_, index) => ({
        stream: 0,
        index,
        summary: [constant, normal(random)],
      }));
      expect(requestCorrelation(requests)).toBe(1);
    }
  });

  it('is as long as any where all requests are alike', () => {
    const requests = Array.from({ length: 128 }, (_, index) => ({ stream: 0, index, summary: [0.1, 0] }));
    expect(requestCorrelation(requests)).toBe(1024);
  });

  it('is not known of requests of too many streams to tell', () => {
    const random = xorshift(9);
    const requests = autoregressive(512, 0.9, random).map((request, i) => ({
      ...request,
      stream: i % 400,
      index: Math.floor(i / 400),
    }));
    expect(requestCorrelation(requests)).toBe(null);
  });
});
