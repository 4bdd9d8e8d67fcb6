import { describe, expect, it } from 'vitest';
import { driftReference, readDrift } from '../../src/drift/detector.ts';
import { BinCounter } from '../../src/estimator/bin-counter.ts';
import { type ActivationHistogram, mergeAll } from '../../src/estimator/histogram.ts';
import { xorshift } from '../../src/random.ts';

const counter = new BinCounter();
const OPTIONS = { limit: 0.05, confirmations: 2 };

/** Slices of exponential magnitudes times `scale`. */
function slices(seed: number, count: number, perSlice: number, scale = 1): ActivationHistogram[][] {
  const random = xorshift(seed);
  return Array.from({ length: count }, () => [
    counter.histogram(
      new Uint32Array(Float32Array.from({ length: perSlice }, () => -Math.log(1 - random()) * scale).buffer),
    ),
  ]);
}

function merged(parts: ActivationHistogram[][]): ActivationHistogram[] {
  return [mergeAll(parts.map((part) => part[0]!))];
}

describe('driftReference', () => {
  it('widens the limit to what chance does to few activations', () => {
    expect(driftReference(slices(1, 16, 20), 4, OPTIONS).limit).toBeGreaterThan(0.15);
    expect(driftReference(slices(1, 16, 20_000), 4, OPTIONS).limit).toBe(OPTIONS.limit);
  });

  it('calls no drift on 200 further windows of the same traffic, and always on traffic of 1.5 times the scale', () => {
    const reference = driftReference(slices(1, 16, 200), 4, OPTIONS);
    for (let i = 0; i < 200; i++) {
      const same = readDrift(reference, merged(slices(100 + i, 4, 200)), 1, OPTIONS);
      expect(same.isDrift).toBe(false);
      const moved = readDrift(reference, merged(slices(100 + i, 4, 200, 1.5)), 1, OPTIONS);
      expect(moved.isDrift).toBe(true);
    }
  });

  it('gives the same limit for the same slices', () => {
    const parts = slices(3, 16, 50);
    expect(driftReference(parts, 4, OPTIONS).limit).toBe(driftReference(parts, 4, OPTIONS).limit);
  });
});

describe('readDrift', () => {
  const reference = { sites: merged(slices(1, 8, 5000)), limit: 0.2 };
  const far = merged(slices(2, 4, 5000, 2));
  const near = merged(slices(2, 4, 5000));

  it('needs as many readings in a row as are configured', () => {
    const first = readDrift(reference, far, 0, OPTIONS);
    expect(first).toMatchObject({ streak: 1, isDrift: false });
    expect(readDrift(reference, far, first.streak, OPTIONS)).toMatchObject({ streak: 2, isDrift: true });
  });

  it('starts the count again only well below the limit', () => {
    expect(readDrift(reference, near, 1, OPTIONS).streak).toBe(0);
    const { distance } = readDrift(reference, far, 0, OPTIONS);
    const justAbove = { ...reference, limit: distance * 1.1 };
    expect(readDrift(justAbove, far, 1, OPTIONS)).toMatchObject({ streak: 1, isDrift: false });
  });
});
