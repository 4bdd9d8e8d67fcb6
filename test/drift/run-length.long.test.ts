import { describe, expect, it } from 'vitest';
import { driftReference, readDrift } from '../../src/drift/detector.ts';
import { xorshift } from '../../src/drift/xorshift.ts';
import { type Random, requestsOf, TRAFFIC, type Traffic } from './traffic.ts';

const REFERENCE = 256;
const BATCH = 16;
/** The mean of so many run lengths, as scattered as exponential ones, has a standard error of 7 %. */
const REFERENCES = 200;

/** Requests until the alarm, by a reference of its own; to half a batch. */
function runLength(traffic: Traffic, configured: number, random: Random): number {
  const options = { runLength: configured, memory: 64 };
  const reference = driftReference(requestsOf(traffic, REFERENCE, random), options);
  let reading = readDrift(reference, [], null);
  while (reading.requests < 50 * configured) {
    reading = readDrift(reference, requestsOf(traffic, BATCH, random), reading);
    if (reading.isDrift) break;
  }
  return reading.requests - BATCH / 2;
}

function meanRunLength(traffic: Traffic, configured: number, references: number, seed: number): number {
  const random = xorshift(seed);
  let sum = 0;
  for (let i = 0; i < references; i++) sum += runLength(traffic, configured, random);
  return sum / references;
}

describe('the observed mean run length', () => {
  it.each(Object.entries(TRAFFIC))('is within a quarter of the configured one: %s', (_, traffic) => {
    const observed = meanRunLength(traffic, 1000, REFERENCES, 7);
    expect(observed / 1000).toBeGreaterThan(0.75);
    expect(observed / 1000).toBeLessThan(1.25);
  });

  it('is within a quarter at 10,000', () => {
    const observed = meanRunLength(TRAFFIC['one site']!, 10_000, REFERENCES, 3);
    expect(observed / 10_000).toBeGreaterThan(0.75);
    expect(observed / 10_000).toBeLessThan(1.25);
  });
});
