import { describe, expect, it } from 'vitest';
import { driftReference, readDrift } from '../../src/drift/detector.ts';
import { xorshift } from '../../src/drift/xorshift.ts';
import type { PlacedRequest } from '../../src/estimator/request-correlation.ts';
import type { RequestSummary } from '../../src/estimator/summary.ts';
import { ApartRequests } from '../../src/loop/apart-requests.ts';
import { Streams } from '../../src/loop/streams.ts';
import { type Random, TRAFFIC } from './traffic.ts';

const WINDOW = 256;
const REFERENCE = 240;
const MEMORY = 64;
/** The mean of so many run lengths, which differ by more than themselves, has a standard error of 10 %. */
const REFERENCES = 120;

const traffic = TRAFFIC['five sites, ten classes']!;

/** Sampled requests of a stream in runs of the same input. */
class Runs {
  readonly streams = new Streams();
  readonly #meanLength: number;
  readonly #sampledOf: number;
  readonly #random: Random;
  #latest: RequestSummary;

  constructor(meanLength: number, sampledOf: number, random: Random) {
    this.#meanLength = meanLength;
    this.#sampledOf = sampledOf;
    this.#random = random;
    this.#latest = traffic(random);
  }

  next(): PlacedRequest {
    for (;;) {
      if (this.#random() * this.#meanLength < 1) this.#latest = traffic(this.#random);
      const place = this.streams.next(undefined);
      if (this.#random() * this.#sampledOf < 1) return { ...place, summary: this.#latest };
    }
  }
}

/** Sampled requests until the alarm, by a reference of its own. */
function runLength(runs: Runs, configured: number, blockRequests: number): number {
  const apart = new ApartRequests(WINDOW);
  while (apart.size < REFERENCE) apart.add(runs.next(), blockRequests);
  const options = { runLength: configured / apart.samplesEach, memory: MEMORY };
  const reference = driftReference(apart.summaries, options);
  let reading = readDrift(reference, [], null);
  let samples = 0;
  while (!reading.isDrift && samples < 50 * configured) {
    const request = runs.next();
    samples++;
    if (apart.add(request, blockRequests)) reading = readDrift(reference, [request.summary], reading);
  }
  return samples;
}

describe('the observed mean run length where requests resemble their neighbours', () => {
  it.each([
    [3, 1, 5000],
    [3, 6, 2000],
    [10, 24, 5000],
  ])(
    'is within a quarter of the configured one: runs of mean length %i, one request of %i sampled',
    (meanLength, sampledOf, configured) => {
      const runs = new Runs(meanLength, sampledOf, xorshift(7));
      for (let i = 0; i < 1024; i++) {
        const { summary, ...place } = runs.next();
        runs.streams.add(place, summary);
      }
      const { blockRequests } = runs.streams.reading;
      let sum = 0;
      for (let i = 0; i < REFERENCES; i++) sum += runLength(runs, configured, blockRequests);
      const observed = sum / REFERENCES / configured;
      expect(observed).toBeGreaterThan(0.75);
      expect(observed).toBeLessThan(1.25);
      // What it would be if every sampled request counted.
      let unthinned = 0;
      for (let i = 0; i < 20; i++) unthinned += runLength(runs, configured, 1);
      expect(unthinned / 20 / configured).toBeLessThan(0.7 * observed);
    },
  );
});
