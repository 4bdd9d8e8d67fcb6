import { describe, expect, it } from 'vitest';
import { additiveFreeEnergy, domainOf, leaveOneOut } from '../../src/criticality/additive.ts';
import { continuousSite, slicedCounts, totalCounts } from '../../src/criticality/continuous-site.ts';
import { criticality, DEFAULT_CRITICAL_POINT } from '../../src/criticality/critical-point.ts';
import { freeEnergyAt, logGrid, type Temperature } from '../../src/criticality/free-energy.ts';
import { type Counts, sumOf } from '../../src/criticality/site-counts.ts';
import { binOf, edgeOf } from '../../src/estimator/bins.ts';
import {
  type ActivationHistogram,
  cloneHistogram,
  emptyHistogram,
  finish,
  mergeAll,
  tails,
} from '../../src/estimator/histogram.ts';
import { ANALYTIC, expectedHistogram } from './analytic.ts';
import { BACKGROUND, exponential, halfNormal, rayleigh, window, withAtoms } from './samples.ts';

const TEMPERATURES: readonly Temperature[] = ['normalized', 'paper'];
const BINS = Int32Array.of(binOf(0.1), binOf(0.25), binOf(0.5), binOf(1));
const THRESHOLDS = Float64Array.from(BINS, edgeOf);
const slicedOf = (slices: ActivationHistogram[], bins = BINS) =>
  slicedCounts(slices, continuousSite(mergeAll(slices)).atoms, bins);
const countsOf = (h: ActivationHistogram, bins = BINS): Counts => sumOf(slicedOf([h], bins));
const pooledF = (h: ActivationHistogram, temperature: Temperature) =>
  freeEnergyAt(tails(h), Array.from(THRESHOLDS), temperature).freeEnergy;

const small = window(rayleigh, 1, { count: 1, perSlice: 20_000 })[0]!;
const large = window(halfNormal, 2, { count: 1, perSlice: 60_000, scale: 2 })[0]!;

describe.each(TEMPERATURES)('the additive free energy (%s)', (temperature) => {
  const f = (...sites: Counts[]) => additiveFreeEnergy(sites, THRESHOLDS, temperature);

  it('of one site is F', () => {
    const exact = pooledF(small, temperature);
    for (const [k, value] of f(countsOf(small)).entries()) expect(value).toBeCloseTo(exact[k]!, 12);
  });

  it('is the mean of the sites’ F, each as heavy as it has activations', () => {
    const a = pooledF(small, temperature);
    const b = pooledF(large, temperature);
    const sum = f(countsOf(small), countsOf(large));
    for (let k = 0; k < BINS.length; k++) expect(sum[k]).toBeCloseTo((a[k]! + 3 * b[k]!) / 4, 12);
  });

  it('does not change when a site is cut in two alike, in their order, or by a site without activations', () => {
    const one = f(countsOf(small), countsOf(large));
    const cut = f(countsOf(large), countsOf(small), countsOf(large), countsOf(small));
    const more = f(countsOf(small), countsOf(emptyHistogram()), countsOf(large));
    for (let k = 0; k < BINS.length; k++) {
      expect(cut[k]).toBeCloseTo(one[k]!, 12);
      expect(more[k]).toBeCloseTo(one[k]!, 12);
    }
  });

  it('keeps the term of a site from where fewer than 2 % of it are left', () => {
    const counts = (count: number[]): Counts => ({
      count: Float64Array.from(count),
      sum: Float64Array.from(count),
      totalCount: 100,
      totalSum: 100,
    });
    const sum = f(counts([90, 50, 1, 0]), counts([100, 100, 100, 100]));
    expect(sum[1]).not.toBe(sum[0]);
    expect(sum[2]).toBe(sum[1]);
    expect(sum[3]).toBe(sum[1]);
  });

  it('is 0 where there is nothing', () => {
    expect(f()).toEqual(new Float64Array(BINS.length));
    expect(f(countsOf(emptyHistogram()))).toEqual(new Float64Array(BINS.length));
  });

  it('without each slice in turn is that of the other slices', () => {
    const first = [
      ...window(exponential, 1, { count: 3, perSlice: 500 }),
      ...window(halfNormal, 2, { count: 2, perSlice: 80, scale: 2 }),
      emptyHistogram(),
    ];
    const second = window(rayleigh, 3, { count: 6, perSlice: 200 });
    const { curves } = leaveOneOut(
      [first, second].map((site) => slicedOf(site)),
      THRESHOLDS,
      temperature,
    );
    expect(curves.length).toBe(6);
    for (const [j, curve] of curves.entries()) {
      const rest = (slices: ActivationHistogram[]) => countsOf(mergeAll(slices.filter((_, i) => i !== j)));
      const exact = f(rest(first), rest(second));
      for (let k = 0; k < BINS.length; k++) expect(curve[k]).toBeCloseTo(exact[k]!, 10);
    }
  });

  it('is finite when one slice held everything', () => {
    const slices = slicedOf([small, emptyHistogram()]);
    const { curves } = leaveOneOut([slices], THRESHOLDS, temperature);
    for (const curve of curves) expect(curve.every(Number.isFinite)).toBe(true);
  });
});

describe('the domain', () => {
  const site = (count: number[], totalCount = 1000): Counts => ({
    count: Float64Array.from(count),
    sum: Float64Array.from(count),
    totalCount,
    totalSum: totalCount,
  });

  it('has the sparsities that are asked for', () => {
    expect(domainOf([site([990, 970, 500, 60, 40, 30])], 6, [0.02, 0.95])).toEqual([1, 4]);
  });

  it('ends where sites that hold more than 5 % of the activations are exhausted', () => {
    const rest = site([900, 800, 700, 600]);
    expect(domainOf([rest, site([90, 40, 1, 0], 100)], 4, [0.02, 0.95])).toEqual([0, 2]);
    expect(domainOf([rest, site([40, 20, 0, 0], 50)], 4, [0.02, 0.95])).toEqual([0, 4]);
  });

  it('is empty where there is nothing, or nothing in the range', () => {
    for (const sites of [[], [site([0, 0], 0)], [site([1000, 999])], [site([10, 0])]]) {
      const [from, to] = domainOf(sites, 2, [0.02, 0.95]);
      expect(to - from).toBe(0);
    }
  });
});

describe('a site of small magnitudes', () => {
  const survival = (h: ActivationHistogram, threshold: number) => {
    const t = tails(h);
    return t.count[binOf(threshold) - t.offset]! / t.count[0]!;
  };
  const slices = (...sites: ActivationHistogram[]) => Array.from({ length: 8 }, () => sites);

  it.each([1 / 2, 1 / 4, 1 / 8])('(× %d) is spared more than when all activations are pooled', (scale) => {
    for (const distribution of [ANALYTIC.halfNormal, ANALYTIC.rayleigh]) {
      const few = expectedHistogram(distribution, scale);
      const many = expectedHistogram(distribution);
      const added = criticality(slices(few, many, many))!.critical!;
      const together = criticality(slices(mergeAll([few, many, many])))!.critical!;
      expect(survival(few, added.threshold)).toBeGreaterThan(survival(few, together.threshold) + 0.05);
    }
  });

  it('is not sacrificed with a tenth of all activations, which it is when they are pooled', () => {
    const few = expectedHistogram(ANALYTIC.rayleigh, 1 / 4);
    const many = new Array(9).fill(expectedHistogram(ANALYTIC.rayleigh));
    const added = criticality(slices(few, ...many))!.critical!;
    const together = criticality(slices(mergeAll([few, ...many])))!.critical!;
    expect(survival(few, added.threshold)).toBeGreaterThan(0.15);
    expect(survival(few, together.threshold)).toBeLessThan(0.02);
  });

  it('moves the critical point less the fewer activations it has', () => {
    const few = expectedHistogram(ANALYTIC.rayleigh, 1 / 4);
    const normal = expectedHistogram(ANALYTIC.rayleigh);
    const at = [1, 2, 4, 9].map(
      (copies) => criticality(slices(few, ...new Array(copies).fill(normal)))!.critical!.threshold,
    );
    expect(at).toEqual([...at].sort((a, b) => a - b));
  });

  it('shares the point of a network whose sites are alike in their own units: all sites times c, τ* times c', () => {
    for (const c of [0.25, 2, 8]) {
      const sites = [ANALYTIC.halfNormal, ANALYTIC.rayleigh];
      const base = criticality(slices(...sites.map((d) => expectedHistogram(d))), DEFAULT_CRITICAL_POINT)!;
      const scaled = criticality(slices(...sites.map((d) => expectedHistogram(d, c))))!;
      expect(scaled.critical!.threshold).toBe(c * base.critical!.threshold);
      expect(scaled.critical!.sparsity).toBeCloseTo(base.critical!.sparsity, 9);
    }
  });
});

it('counts at bin edges are those of the tails, on every bin of a grid', () => {
  const t = tails(small);
  const bins = Int32Array.from(logGrid(t, { perOctave: 8, sparsity: [0.01, 0.99] }));
  const counts = countsOf(small, bins);
  for (const [k, bin] of bins.entries()) {
    expect(counts.count[k]).toBe(t.count[bin - t.offset]);
    expect(counts.sum[k]).toBeCloseTo(t.sum[bin - t.offset]!, 6);
  }
  expect(counts.totalCount).toBe(t.count[0]);
});

it('counts of finished slices are the same, the first time and again, on one grid and on another', () => {
  const slices = window(withAtoms(rayleigh, BACKGROUND), 7, { count: 3, perSlice: 4000 });
  const { atoms } = continuousSite(mergeAll(slices));
  const finished = slices.map((h) => finish(cloneHistogram(h)));
  const first = binOf(2 ** -30);
  for (const stride of [1, 8, 8, 24, 8]) {
    const bins = Int32Array.from({ length: Math.ceil((64 * 40) / stride) }, (_, i) => first + i * stride);
    const expected = slicedCounts(slices, atoms, bins);
    expect(slicedCounts(finished, atoms, bins)).toEqual(expected);
    expect(slicedCounts(finished, atoms, bins.slice())).toEqual(expected);
    // Atoms are those of the window, which other slices change.
    expect(slicedCounts(finished, [], bins)).toEqual(slicedCounts(slices, [], bins));
  }
});

it('counts of the slices add up to those of the site at every bin, atoms cut, and past both ends', () => {
  const slices = window(withAtoms(rayleigh, BACKGROUND), 7, { count: 5, perSlice: 4000 });
  const site = continuousSite(mergeAll(slices));
  expect(site.atoms.length).toBe(3);
  const bins = Int32Array.from({ length: 64 * 40 }, (_, i) => binOf(2 ** -30) + i);
  const total = totalCounts(site, bins);
  const sum = sumOf(slicedCounts(slices, site.atoms, bins));
  expect(total.totalCount).toBeCloseTo(sum.totalCount, 6);
  expect(total.totalSum).toBeCloseTo(sum.totalSum, 6);
  for (let k = 0; k < bins.length; k++) {
    expect(total.count[k]).toBeCloseTo(sum.count[k]!, 6);
    expect(total.sum[k]).toBeCloseTo(sum.sum[k]!, 6);
  }
  expect(total.count.at(-1)).toBe(0);
  expect(total.count[0]).toBe(total.totalCount);
});
