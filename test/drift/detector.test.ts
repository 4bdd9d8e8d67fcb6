import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type DriftReading, driftReference, readDrift } from '../../src/drift/detector.ts';
import { xorshift } from '../../src/drift/xorshift.ts';
import type { RequestSummary } from '../../src/estimator/summary.ts';
import { normal, requestsOf, TRAFFIC, type Traffic } from './traffic.ts';

const OPTIONS = { runLength: 100_000, memory: 64 };
const FIVE = TRAFFIC['five sites, ten classes']!;
const WINDOW = requestsOf(FIVE, 256, xorshift(1));
const REFERENCE = driftReference(WINDOW, OPTIONS);

/** Requests of a traffic until the alarm, by a reference taken before it changed. */
function delay(before: Traffic, after: Traffic, seed: number): number {
  const random = xorshift(seed);
  const reference = driftReference(requestsOf(before, 256, random), OPTIONS);
  let reading: DriftReading = readDrift(reference, requestsOf(before, 500, random), null);
  const from = reading.requests;
  while (!reading.isDrift) reading = readDrift(reference, [after(random)], reading);
  return reading.requests - from;
}

function median(values: number[]): number {
  return values.sort((a, b) => a - b)[values.length >> 1]!;
}

const seeds = Array.from({ length: 21 }, (_, i) => i + 1);
/** Requests of one site that differ by .3 in ln|a|, times `factor`. */
const scaled =
  (factor: number): Traffic =>
  (random) => [Math.log(factor) + 0.3 * normal(random), 1 + 0.1 * normal(random)];

describe('driftReference', () => {
  it('has a limit that grows with the run length, slowly', () => {
    const limits = [1000, 10_000, 100_000, 1_000_000].map(
      (runLength) => driftReference(WINDOW, { ...OPTIONS, runLength }).limit,
    );
    for (const [i, limit] of limits.slice(1).entries()) {
      expect(limit).toBeGreaterThan(limits[i]!);
      expect(limit).toBeLessThan(1.3 * limits[i]!);
    }
  });

  it('does not depend on how the numbers are distributed, only on their order', () => {
    const warped = WINDOW.map((request) => request.map((x) => Math.exp(3 * x)));
    expect(driftReference(warped, OPTIONS).limit).toBe(REFERENCE.limit);
  });

  it('is plain data: what was stored goes on where it stopped', () => {
    const requests = requestsOf(FIVE, 200, xorshift(2));
    const stored = JSON.parse(JSON.stringify(REFERENCE));
    const reading = readDrift(REFERENCE, requests.slice(0, 90), null);
    const restored = readDrift(stored, requests.slice(90), JSON.parse(JSON.stringify(reading)));
    expect(restored).toEqual(readDrift(REFERENCE, requests.slice(90), reading));
  });

  it('corrects for the sites: alike sites need no wider limit than one, different ones do', () => {
    const random = xorshift(4);
    const one = Array.from({ length: 256 }, () => [normal(random), normal(random)]);
    const alike = one.map((request) => Array.from({ length: 10 }, () => request).flat());
    const different = one.map(() => Array.from({ length: 20 }, () => normal(random)));
    const [a, b, c] = [one, alike, different].map((w) => driftReference(w, OPTIONS).limit);
    expect(b! / a!).toBeCloseTo(1, 1);
    expect(c! / a!).toBeGreaterThan(1.08);
  });

  it.each([0, 1, 2])('takes a window of %i requests', (count) => {
    const reference = driftReference(WINDOW.slice(0, count), OPTIONS);
    expect(reference.limit).toBeGreaterThanOrEqual(0);
    expect(JSON.parse(JSON.stringify(reference))).toEqual(reference);
    expect(readDrift(reference, WINDOW.slice(0, 1), null).isDrift).toBe(false);
  });
});

describe('readDrift', () => {
  it('is zero before the first request, and stays within the noise on the reference itself', () => {
    expect(readDrift(REFERENCE, [], null)).toMatchObject({ requests: 0, distance: 0, isDrift: false });
    expect(readDrift(REFERENCE, WINDOW, null).isDrift).toBe(false);
  });

  it('never alarms on traffic that does not change at all', () => {
    const same: RequestSummary[] = Array.from({ length: 256 }, () => [0.5, 1]);
    const reference = driftReference(same, OPTIONS);
    const reading = readDrift(reference, [...same, ...same, ...same], null);
    expect(reading.distance).toBeCloseTo(0, 12);
    expect(reading.isDrift).toBe(false);
    expect(
      readDrift(
        reference,
        [
          [0.7, 1],
          [0.5, 1],
        ],
        reading,
      ).isDrift,
    ).toBe(false);
    expect(
      readDrift(
        reference,
        Array.from({ length: 10 }, () => [0.7, 1]),
        reading,
      ).isDrift,
    ).toBe(true);
  });

  it('is the same in any batches', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 40 }), { maxLength: 8 }), (sizes) => {
        const requests = requestsOf(
          FIVE,
          sizes.reduce((a, b) => a + b, 0),
          xorshift(3),
        );
        let from = 0;
        let reading: DriftReading | null = null;
        for (const size of sizes) {
          reading = readDrift(REFERENCE, requests.slice(from, from + size), reading);
          from += size;
        }
        expect(reading?.averages ?? readDrift(REFERENCE, [], null).averages).toEqual(
          readDrift(REFERENCE, requests, null).averages,
        );
      }),
    );
  });

  it('comes to |ln c| / σ when everything is multiplied by c, σ between requests', () => {
    const random = xorshift(6);
    const reference = driftReference(requestsOf(scaled(1), 1024, random), { ...OPTIONS, memory: 2000 });
    for (const c of [0.8, 1.1, 1.25]) {
      const { averages } = readDrift(reference, requestsOf(scaled(c), 20_000, random), null);
      expect(Math.abs(averages[0]! - Math.log(c) / 0.3)).toBeLessThan(0.15);
    }
  });

  it('names the site that moved, and what of it', () => {
    for (const channel of [0, 3, 8]) {
      const moved = WINDOW.map((request) => request.map((x, c) => (c === channel ? x + 3 : x)));
      const { site, aspect, isDrift } = readDrift(REFERENCE, moved, null);
      expect([site, aspect, isDrift]).toEqual([channel >> 1, channel % 2 === 0 ? 'level' : 'spread', true]);
    }
  });

  it('notices activations of 1.5 and of 1/1.5 times within 30 requests, half of the classes within 100', () => {
    expect(median(seeds.map((seed) => delay(scaled(1), scaled(1.5), seed)))).toBeLessThan(30);
    expect(median(seeds.map((seed) => delay(scaled(1), scaled(1 / 1.5), seed)))).toBeLessThan(30);
    const half: Traffic = (random) => {
      const type = Math.floor(5 * random());
      return Array.from({ length: 10 }, (_, c) => 2 * Math.sin(1.3 * type * (c + 1)) + 0.3 * normal(random));
    };
    expect(median(seeds.map((seed) => delay(FIVE, half, seed)))).toBeLessThan(100);
  });
});
