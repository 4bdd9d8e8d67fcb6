import { expect } from 'vitest';
import { binned } from '../../src/estimator/binning.ts';
import { type ActivationHistogram, mergeAll } from '../../src/estimator/histogram.ts';
import { RollingWindow } from '../../src/estimator/rolling-window.ts';
import { content } from './content.ts';

/** A sample of one site. */
export const request = (...values: number[]): ActivationHistogram[] => [
  binned(new Uint32Array(Float32Array.from(values).buffer)),
];

/** A window of three samples still holds exactly the latest three after so many. */
export function expectExactAfter(rotations: number): void {
  const window = new RollingWindow({ sites: 1, slices: 3, sliceSamples: 1, maxAgeMs: 1000 });
  const pool = Array.from({ length: 7 }, (_, i) => request(1 + 0.1 * i, 1.9 / (1 + 0.1 * i)));
  for (let i = 0; i < rotations; i++) window.add(pool[i % 7]!, 0);
  const { sites, slices, samples } = window.snapshot();
  const latest = [3, 2, 1].map((back) => pool[(rotations - back) % 7]!);
  expect(samples).toBe(3);
  expect(content(sites[0]!)).toEqual(content(mergeAll(latest.flat())));
  expect(content(sites[0]!)).toEqual(content(mergeAll(slices.flat())));
  expect(slices.map((slice) => content(slice[0]!))).toEqual(latest.map((sample) => content(sample[0]!)));
}
