import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type ActivationHistogram,
  isFinished,
  mergeAll,
  nonzeroCount,
  tails,
} from '../../src/estimator/histogram.ts';
import { RollingWindow, type WindowOptions } from '../../src/estimator/rolling-window.ts';
import { summarize } from '../../src/estimator/summary.ts';
import { content } from './content.ts';
import { expectExactAfter, request } from './rotations.ts';

const OPTIONS = { sites: 1, slices: 4, sliceSamples: 3, maxAgeMs: 1000 };

function figures(h: ActivationHistogram) {
  return { count: nonzeroCount(h), sum: tails(h).sum[0], zeros: h.zeros };
}

/** The window from its definition: all samples in slices, old slices left out, everything merged anew. */
function batch(samples: readonly Timed[], now: number, { slices, sliceSamples, maxAgeMs }: WindowOptions) {
  let held: Timed[][] = [];
  const expire = (time: number) => {
    held = held.filter((slice) => time - slice[0]!.at <= maxAgeMs);
  };
  for (const sample of samples) {
    expire(sample.at);
    const newest = held.at(-1);
    if (newest === undefined || newest.length === sliceSamples) held = [...held, [sample]].slice(-slices);
    else newest.push(sample);
  }
  expire(now);
  return held;
}

interface Timed {
  readonly at: number;
  readonly sites: readonly ActivationHistogram[];
}

const mergedSites = (samples: readonly Timed[], sites: number) =>
  Array.from({ length: sites }, (_, i) => content(mergeAll(samples.map((sample) => sample.sites[i]!))));

describe('RollingWindow', () => {
  it('equals the batch of the samples that it holds at every step, whole, per slice and per site', () => {
    const tensor = fc.array(fc.float({ noNaN: false }), { maxLength: 6 });
    const step = fc.record({
      wait: fc.constantFrom(0, 0, 1, 90, 400, 1100),
      sites: fc.tuple(tensor, tensor),
    });
    const options = { ...OPTIONS, sites: 2 };
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        const window = new RollingWindow(options);
        const samples: Timed[] = [];
        let at = 0;
        for (const { wait, sites } of steps) {
          at += wait;
          samples.push({ at, sites: sites.flatMap((values) => request(...values)) });
          window.add(samples.at(-1)!.sites, at);
          const held = batch(samples, at, options);
          const { samples: size, sites: total, slices, requests } = window.snapshot();
          expect(size).toBe(held.flat().length);
          expect(window.samples).toBe(size);
          expect(total.map(content)).toEqual(mergedSites(held.flat(), 2));
          expect(slices.map((slice) => slice.map(content))).toEqual(held.map((s) => mergedSites(s, 2)));
          expect(requests).toEqual(held.flat().map((sample) => summarize(sample.sites)));
        }
        window.expire(at + 500);
        expect(window.samples).toBe(batch(samples, at + 500, options).flat().length);
      }),
      { numRuns: 60 },
    );
  });

  it('has not drifted at all after ten thousand rotations', () => {
    expectExactAfter(10_000);
  });

  it('forgets slices that are too old, however few samples came after', () => {
    const window = new RollingWindow(OPTIONS);
    window.add(request(1), 0);
    window.add(request(2), 900);
    window.expire(1001);
    expect(window.samples).toBe(0);
    window.add(request(3), 1100);
    window.add(request(4), 2000);
    expect(window.samples).toBe(2);
  });

  it('is never quite full: the newest slice may have one sample', () => {
    const window = new RollingWindow(OPTIONS);
    for (let i = 0; i < 13; i++) window.add(request(1), 0);
    expect(window.samples).toBe(10);
    expect(window.capacity).toBe(12);
  });

  it('gives snapshots that later samples do not change', () => {
    const window = new RollingWindow(OPTIONS);
    for (let i = 0; i < 7; i++) window.add(request(i + 1), 0);
    const snapshot = window.snapshot();
    const before = figures(snapshot.sites[0]!);
    window.add(request(100), 0);
    window.reset();
    expect(figures(snapshot.sites[0]!)).toEqual(before);
    expect(snapshot.slices.map((slice) => nonzeroCount(slice[0]!))).toEqual([3, 3, 1]);
    expect(window.samples).toBe(0);
  });

  it('shares its full slices with snapshots, and copies the newest', () => {
    const window = new RollingWindow(OPTIONS);
    for (let i = 0; i < 4; i++) window.add(request(1), 0);
    const [first, newest] = window.snapshot().slices;
    expect(isFinished(first![0]!)).toBe(true);
    expect(isFinished(newest![0]!)).toBe(false);
    expect(window.snapshot().slices[0]![0]).toBe(first![0]);
    expect(window.snapshot().slices[1]![0]).not.toBe(newest![0]);
    window.add(request(1), 0);
    window.add(request(1), 0);
    expect(isFinished(window.snapshot().slices[1]![0]!)).toBe(true);
    expect(nonzeroCount(newest![0]!)).toBe(1);
  });

  it('has nothing left when every slice is too old, not even rounding', () => {
    const window = new RollingWindow(OPTIONS);
    for (let i = 0; i < 11; i++) window.add(request(0.1 * i, 1e30, 1e-30, 0, Number.NaN), 0);
    window.expire(1001);
    expect(content(window.snapshot().sites[0]!)).toEqual({ bins: {}, zeros: 0, nonFinite: 0 });
    expect(window.snapshot().slices).toEqual([]);
  });

  it('starts again after a reset', () => {
    const window = new RollingWindow(OPTIONS);
    for (let i = 0; i < 5; i++) window.add(request(7), 0);
    window.reset();
    window.add(request(2), 5000);
    expect(window.samples).toBe(1);
    expect(figures(window.snapshot().sites[0]!)).toEqual({ count: 1, sum: 2, zeros: 0 });
  });

  it.each([1, 3])('refuses a sample with %i sites instead of 2 and stays as it was', (sites) => {
    const window = new RollingWindow({ ...OPTIONS, sites: 2 });
    window.add([...request(1), ...request(2)], 0);
    const before = window.snapshot();
    const sample = Array.from({ length: sites }, () => request(5)[0]!);
    expect(() => window.add(sample, 5000)).toThrow(`sample has ${sites} sites, not 2`);
    expect(window.snapshot()).toEqual(before);
  });
});
