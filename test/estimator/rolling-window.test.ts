import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BinCounter } from '../../src/estimator/bin-counter.ts';
import { type ActivationHistogram, mergeAll, nonzeroCount, tails } from '../../src/estimator/histogram.ts';
import { RollingWindow } from '../../src/estimator/rolling-window.ts';

const counter = new BinCounter();
const request = (...values: number[]): ActivationHistogram[] => [
  counter.histogram(new Uint32Array(Float32Array.from(values).buffer)),
];
const OPTIONS = { sites: 1, slices: 4, sliceSamples: 3, maxAgeMs: 1000 };

function figures(h: ActivationHistogram) {
  return { count: nonzeroCount(h), sum: tails(h).sum[0], zeros: h.zeros };
}

describe('RollingWindow', () => {
  it('equals the batch of the samples it holds, at every step', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 9 }), { maxLength: 60 }), (values) => {
        const window = new RollingWindow(OPTIONS);
        for (const [i, value] of values.entries()) {
          window.add(request(value, value + 0.5), 0);
          const begun = Math.floor(i / 3);
          const held = values.slice(Math.max(0, begun - 3) * 3, i + 1);
          const batch = mergeAll(held.flatMap((v) => request(v, v + 0.5)));
          expect(window.samples).toBe(held.length);
          expect(figures(window.snapshot().sites[0]!)).toEqual(figures(batch));
        }
      }),
    );
  });

  it('has not drifted at all after a million rotations', () => {
    const window = new RollingWindow({ ...OPTIONS, slices: 3, sliceSamples: 1 });
    const pool = Array.from({ length: 7 }, (_, i) => request(0.1 * (i + 1), 3.7 / (i + 1)));
    for (let i = 0; i < 1_000_000; i++) window.add(pool[i % 7]!, 0);
    const latest = [999_997, 999_998, 999_999].map((i) => pool[i % 7]![0]!);
    const { sites } = window.snapshot();
    const exact = mergeAll(latest);
    for (const [i, count] of sites[0]!.counts.entries()) {
      const j = i + sites[0]!.offset - exact.offset;
      expect(count).toBe(exact.counts[j] ?? 0);
      expect(sites[0]!.residuals[i]).toBe(exact.residuals[j] ?? 0);
    }
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

  it('gives snapshots that later samples do not change, and the newest slices alone', () => {
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

  it('reads the newest slices per site', () => {
    const window = new RollingWindow(OPTIONS);
    for (let i = 0; i < 7; i++) window.add(request(i + 1), 0);
    expect(figures(window.recent(2)[0]!).sum).toBe(4 + 5 + 6 + 7);
  });

  it('refuses a sample with another number of sites', () => {
    expect(() => new RollingWindow({ ...OPTIONS, sites: 2 }).add(request(1), 0)).toThrow('not 2');
  });
});
