import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { extrema } from '../../src/criticality/features.ts';
import { BinSmoothing, smoothing } from '../../src/criticality/smoothing.ts';
import { binOf, edgeOf } from '../../src/estimator/bins.ts';
import { axis, steps } from './axes.ts';

describe('smoothing', () => {
  it('keeps a constant, and a straight line away from the ends of an even grid', () => {
    const x = Float64Array.from({ length: 41 }, (_, i) => i / 8);
    const smooth = smoothing(x, 0.25);
    for (const value of smooth(new Float64Array(41).fill(7))) expect(value).toBeCloseTo(7, 12);
    const line = smooth(x.map((at) => 2 * at - 1));
    for (let i = 6; i < 35; i++) expect(line[i]).toBeCloseTo(2 * x[i]! - 1, 12);
  });

  it('keeps an increasing curve increasing on any grid: it makes no feature', () => {
    fc.assert(
      fc.property(steps, fc.double({ min: 0.05, max: 5, noNaN: true }), (increments, width) => {
        const x = axis(increments);
        const y = axis(increments.toReversed().map((step) => step - 0.05));
        expect(extrema(smoothing(x, width)(y).map((v) => Math.round(v * 1e9)))).toEqual([]);
      }),
    );
  });

  it('is the normalized Gaussian sum of its definition', () => {
    const x = axis([0.1, 0.2, 0.4, 0.1, 0.3, 0.2]);
    const y = Float64Array.of(3, -1, 4, 1, -5, 9);
    const spacing = x.map((_, i) => x[Math.min(i + 1, 5)]! - x[Math.max(i - 1, 0)]!);
    const smooth = smoothing(x, 0.21)(y);
    for (let i = 0; i < 6; i++) {
      const w = x.map((at, j) =>
        Math.abs(at - x[i]!) < 0.63 ? spacing[j]! * Math.exp(-(((at - x[i]!) / 0.21) ** 2) / 2) : 0,
      );
      const total = w.reduce((a, b) => a + b, 0);
      expect(smooth[i]).toBeCloseTo(w.reduce((a, b, j) => a + b * y[j]!, 0) / total, 12);
    }
  });

  it('leaves a curve alone when the width is far below the spacing', () => {
    const y = Float64Array.of(1, 5, 2, 8);
    expect(smoothing(Float64Array.of(1, 2, 3, 4), 0.01)(y)).toEqual(y);
  });
});

describe('smoothing over bins', () => {
  const first = binOf(0.01);
  const edges = Array.from({ length: 700 }, (_, i) => edgeOf(first + i));
  const smooth = new BinSmoothing(0.25);
  const all = (y: Float64Array) => y.map((_, i) => smooth.at(y, first, first + i));

  it('is that of any grid, on the grid of all bins away from its ends', () => {
    const y = Float64Array.from(edges, (at) => Math.sin(7 * Math.log(at)) + at);
    const general = smoothing(Float64Array.from(edges, Math.log2), 0.25)(y);
    const over = all(y);
    for (let i = 100; i < 600; i++) expect(over[i]).toBeCloseTo(general[i]!, 9);
  });

  it('is the integral of its definition: of a line in ln τ, the line; of a wave, the wave damped by exp(−σ²k²/2)', () => {
    const x = edges.map(Math.log2);
    const line = all(Float64Array.from(x, (at) => 2 * at - 1));
    const wave = all(Float64Array.from(x, (at) => Math.cos(3 * at)));
    for (let i = 100; i < 600; i++) {
      expect(line[i]).toBeCloseTo(2 * x[i]! - 1, 3);
      expect(wave[i]).toBeCloseTo(Math.exp(-((3 * 0.25) ** 2) / 2) * Math.cos(3 * x[i]!), 2);
    }
  });

  it('keeps a constant, and an increasing curve increasing', () => {
    for (const value of all(new Float64Array(700).fill(7))) expect(value).toBeCloseTo(7, 12);
    const steps = Float64Array.from({ length: 700 }, (_, i) => Math.floor(i / 90));
    expect(extrema(all(steps).map((v) => Math.round(v * 1e9)))).toEqual([]);
  });
});
