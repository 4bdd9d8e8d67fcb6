import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type CriticalPointOptions,
  criticality,
  DEFAULT_CRITICAL_POINT,
} from '../../src/criticality/critical-point.ts';
import { paperCriticality } from '../../src/criticality/paper-rule.ts';
import { binned } from '../../src/estimator/binning.ts';
import { binOf } from '../../src/estimator/bins.ts';
import {
  type ActivationHistogram,
  emptyHistogram,
  mergeAll,
  retainedFrom,
  tails,
} from '../../src/estimator/histogram.ts';
import { RollingWindow } from '../../src/estimator/rolling-window.ts';
import { bitsOf } from '../estimator/distributions.ts';
import { ANALYTIC, analyticFreeEnergy, argmax, expectedHistogram, type Magnitudes } from './analytic.ts';
import { BACKGROUND, exponential, halfNormal, lognormal, rayleigh, window, withAtoms } from './samples.ts';

const histogramOf = (values: ArrayLike<number>) => binned(bitsOf(Float32Array.from(values)));
const atOneSite = (slices: readonly ActivationHistogram[], options?: CriticalPointOptions) =>
  criticality(
    slices.map((h) => [h]),
    options,
  );
const withOptions = (options: Partial<CriticalPointOptions>) => ({ ...DEFAULT_CRITICAL_POINT, ...options });
/** One step of the grid of thresholds, as a ratio. */
const STEP = 2 ** (1 / 8);
/** The widest bin, in ln τ. */
const BIN = Math.log(65 / 64);

/** Four slices without sampling noise. */
function noiseless(distribution: Magnitudes, scale = 1) {
  const h = expectedHistogram(distribution, scale);
  return [h, h, h, h];
}

describe('no feature is a result', () => {
  it.each([1, 2, 3, 4, 5, 6, 7, 8])('for the exponential distribution (seed %i)', (seed) => {
    const result = atOneSite(window(exponential, seed))!;
    expect(result.critical).toBeNull();
    expect(result.features).toEqual([]);
    expect(result.curve.thresholds.length).toBeGreaterThan(20);
  });

  it.each(['paper', 'normalized'] as const)('for the exact exponential at any unit (%s)', (temperature) => {
    for (const scale of [0.25, 1, 8]) {
      const result = atOneSite(
        noiseless(ANALYTIC.exponential, scale),
        withOptions({ temperature, minProminence: 0 }),
      )!;
      expect(result.features).toEqual([]);
    }
  });

  it.each([1, 2, 3])(
    'for the exponential distribution with atoms, which the plain rule falls for (seed %i)',
    (seed) => {
      const slices = window(withAtoms(exponential, BACKGROUND), seed);
      expect(atOneSite(slices)!.critical).toBeNull();
      expect(paperCriticality(slices, 'normalized')!.critical).not.toBeNull();
    },
  );

  it.each([20, 200, 4000])('on at most 2 of 100 windows of 16 × %i exponential activations', (perSlice) => {
    let called = 0;
    for (let seed = 100; seed < 200; seed++) {
      if (atOneSite(window(exponential, seed, { perSlice }))?.critical) called++;
    }
    expect(called).toBeLessThanOrEqual(2);
  });

  it.each([4, 5, 8])('nor with only %i slices, where a standard error is a guess itself', (count) => {
    let called = 0;
    for (let seed = 200; seed < 300; seed++) {
      if (atOneSite(window(exponential, seed, { count, perSlice: 1000 }))?.critical) called++;
    }
    expect(called).toBeLessThanOrEqual(2);
  });

  it('for fewer than four slices, which give no noise estimate', () => {
    for (const count of [1, 2, 3]) {
      const result = atOneSite(window(rayleigh, 1, { count }))!;
      expect(result.critical).toBeNull();
      expect(result.curve.freeEnergy.length).toBeGreaterThan(20);
    }
  });

  it('null for no slice, no activation, zeros alone, and a single magnitude', () => {
    expect(atOneSite([])).toBeNull();
    expect(atOneSite([emptyHistogram()])).toBeNull();
    const zeros = histogramOf([0, 0, 0, Number.NaN]);
    expect(atOneSite([zeros, zeros, zeros, zeros])).toBeNull();
    const one = histogramOf(new Array(99).fill(2));
    expect(atOneSite([one, one, one, one])).toBeNull();
  });

  it('for a window of atoms alone: it has a curve, and no continuous part to read', () => {
    const h = histogramOf(Array.from({ length: 3000 }, (_, i) => [0.1, 0.7, 3][i % 3]!));
    const result = atOneSite([h, h, h, h])!;
    expect(result.critical).toBeNull();
    expect(result.curve.freeEnergy.every(Number.isFinite)).toBe(true);
    expect(result.continuous.every(Number.isNaN)).toBe(true);
  });

  it('when one slice holds every activation', () => {
    const full = window(rayleigh, 1, { count: 1 })[0]!;
    const empty = emptyHistogram();
    expect(atOneSite([empty, full, empty, empty])!.critical).toBeNull();
  });
});

describe('the maximum of F without sampling noise is that of its closed form, to a step of the grid', () => {
  it.each([
    ['halfNormal', 'normalized', 1, 0.212],
    ['halfNormal', 'paper', 0.25, 0.892],
    ['halfNormal', 'paper', 1, 0.267],
    ['halfNormal', 'paper', 2, 0.131],
    ['halfNormal', 'paper', 8, 0.032],
    ['uniform', 'normalized', 1, 0.152],
    ['uniform', 'paper', 1, 0.418],
    ['rayleigh', 'normalized', 1, 0.408],
    ['rayleigh', 'paper', 1, 0.327],
    ['lognormal', 'normalized', 1, 0.442],
    ['lognormal', 'paper', 0.25, 0.536],
  ] as const)('%s, %s, × %d: β* = %d', (name, temperature, scale, beta) => {
    const distribution = ANALYTIC[name];
    const exact = argmax(
      analyticFreeEnergy(distribution, scale, temperature),
      0.001 * scale,
      (name === 'uniform' ? 0.99 : 6) * scale,
    );
    expect(1 - distribution.survival(exact / scale)).toBeCloseTo(beta, 3);
    const { critical } = atOneSite(
      noiseless(distribution, scale),
      withOptions({ temperature, minProminence: 0 }),
    )!;
    expect(critical!.feature).toBe('maximum');
    expect(critical!.threshold / exact).toBeLessThan(STEP);
    expect(critical!.threshold / exact).toBeGreaterThan(1 / STEP);
    expect(critical!.interval[0]).toBeLessThanOrEqual(exact);
    expect(critical!.interval[1]).toBeGreaterThanOrEqual(exact);
  });

  it('is where it was when all activations are multiplied by ¼ … 8, if the temperature is normalized', () => {
    for (const distribution of [ANALYTIC.halfNormal, ANALYTIC.rayleigh, ANALYTIC.lognormal]) {
      const at = (scale: number) =>
        atOneSite(noiseless(distribution, scale), withOptions({ minProminence: 0 }))!.critical!;
      const base = at(1);
      for (const scale of [0.25, 0.5, 2, 4, 8]) {
        expect(at(scale).threshold).toBe(scale * base.threshold);
        expect(at(scale).sparsity).toBeCloseTo(base.sparsity, 9);
      }
      for (const scale of [0.3, 0.7, 1.5, 3, 7]) {
        const ratio = at(scale).threshold / scale / base.threshold;
        expect(Math.abs(Math.log(ratio))).toBeLessThan(2 * BIN);
        expect(Math.abs(at(scale).sparsity - base.sparsity)).toBeLessThan(0.01);
      }
    }
  });
});

describe('the maximum of F of a sampled window', () => {
  it.each([
    ['halfNormal', halfNormal, 400_000],
    ['rayleigh', rayleigh, 5000],
    ['lognormal', lognormal, 5000],
  ] as const)('of %s is where the closed form has it, inside the interval', (name, draw, perSlice) => {
    const exact = argmax(analyticFreeEnergy(ANALYTIC[name], 1, 'normalized'), 0.01, 6);
    const { critical, features } = atOneSite(window(draw, 9, { perSlice }))!;
    expect(critical!.feature).toBe('maximum');
    expect(features.length).toBe(1);
    expect(Math.abs(critical!.sparsity - 1 + ANALYTIC[name].survival(exact))).toBeLessThan(0.05);
    expect(critical!.interval[0]).toBeLessThanOrEqual(exact);
    expect(critical!.interval[1]).toBeGreaterThanOrEqual(exact);
  });

  it('stays at the same sparsity when all activations are multiplied by ¼ … 8', () => {
    const base = atOneSite(window(rayleigh, 4))!.critical!;
    for (const scale of [0.25, 0.5, 2, 4, 8])
      expect(atOneSite(window(rayleigh, 4, { scale }))!.critical!.sparsity).toBe(base.sparsity);
    for (const scale of [0.3, 1.5, 3, 7]) {
      const { sparsity } = atOneSite(window(rayleigh, 4, { scale }))!.critical!;
      expect(Math.abs(sparsity - base.sparsity)).toBeLessThanOrEqual(0.01);
    }
  });

  it('does so for any factor, on a plateau with atoms and near-atoms as convolutions make them', () => {
    const atoms = [...BACKGROUND, [0.1201, 0.01], [0.21, 0.006], [0.454, 0.01], [0.46, 0.01]] as const;
    const at = (scale: number) => atOneSite(window(withAtoms(halfNormal, atoms), 4, { scale }))!.critical!;
    const base = at(1).sparsity;
    fc.assert(
      fc.property(fc.double({ min: 0.25, max: 8, noNaN: true }), (scale) => {
        expect(Math.abs(at(scale).sparsity - base)).toBeLessThanOrEqual(0.005);
      }),
      { numRuns: 12 },
    );
  });

  it.each([60, 1000])(
    'has an interval that holds the exact one in 95 of 100 windows (16 × %i)',
    (perSlice) => {
      const all = Array.from(
        { length: 80 },
        (_, seed) => atOneSite(window(rayleigh, seed + 1, { perSlice }))?.critical,
      );
      const found = all.filter((critical) => critical != null);
      expect(found.length).toBeGreaterThan(60);
      const exact = atOneSite(noiseless(ANALYTIC.rayleigh))!.critical!.threshold;
      const holding = found.filter(({ interval: [low, high] }) => low <= exact && exact <= high);
      expect(holding.length / found.length).toBeGreaterThanOrEqual(0.95);
      for (const { interval } of found) expect(interval[1] / interval[0]).toBeGreaterThan(STEP);
    },
  );

  it('does not depend on the order of the slices', () => {
    const slices = window(lognormal, 6, { perSlice: 3000 });
    const { critical } = atOneSite(slices)!;
    expect(atOneSite([...slices].reverse())!.critical!.threshold).toBe(critical!.threshold);
  });

  it('needs the prominence that is asked for', () => {
    const slices = window(rayleigh, 4);
    const { features } = atOneSite(slices)!;
    const { prominence } = features[0]!;
    expect(atOneSite(slices, withOptions({ minProminence: prominence * 0.99 }))!.critical).not.toBeNull();
    const stricter = atOneSite(slices, withOptions({ minProminence: prominence * 1.01 }))!;
    expect(stricter.features.filter(({ kind }) => kind === 'maximum')).toEqual([]);
    expect(atOneSite(slices, withOptions({ minStandardErrors: 100 }))!.critical).toBeNull();
  });
});

describe('activations arbitrarily near 0', () => {
  const clean = atOneSite(window(rayleigh, 4))!.critical!;
  /** A share of all activations is spread over the octaves from 1e-9 to 1e-3. */
  const withTail = (share: number) =>
    atOneSite(window((u) => (u() < share ? 10 ** (6 * u() - 9) : rayleigh(u)), 4))!;

  it.each([0.02, 0.03, 0.05])('make F huge, and hide no maximum (%d of all)', (share) => {
    const { features, curve } = withTail(share);
    expect(Math.max(...curve.freeEnergy)).toBeGreaterThan(1000);
    const maximum = features.find(({ kind }) => kind === 'maximum')!;
    expect(Math.abs(Math.log2(maximum.threshold / clean.threshold))).toBeLessThan(0.25);
    expect(maximum.prominence).toBeGreaterThan(0.05);
  });

  it('are left out of the range that prominence is a share of: it begins at β = 0.1', () => {
    const { features, curve, continuous } = withTail(0.03);
    const from = curve.sparsity.findIndex((beta) => beta >= 0.1);
    const part = Array.from(continuous.subarray(from)).filter(Number.isFinite);
    const [minimum, maximum] = features.map(({ kind, threshold }) => {
      const turn = kind === 'maximum' ? Math.max : Math.min;
      const near = Array.from(continuous).filter(
        (_, k) => Math.abs(Math.log2(curve.thresholds[k]! / threshold)) < 0.3,
      );
      return turn(...near);
    });
    const range = Math.max(...part) - Math.min(...part);
    expect(features.map(({ kind }) => kind)).toEqual(['minimum', 'maximum']);
    for (const { prominence } of features) expect(prominence).toBeCloseTo((maximum! - minimum!) / range, 9);
  });

  it('are no feature of their own', () => {
    for (const share of [0.1, 0.2]) expect(withTail(share).features).toEqual([]);
  });
});

describe('atoms', () => {
  const clean = atOneSite(window(rayleigh, 4))!.critical!;

  it('hardly move the maximum, while the plain rule on a fine grid takes the first of them', () => {
    const slices = window(withAtoms(rayleigh, BACKGROUND), 4);
    const { critical } = atOneSite(slices)!;
    const plain = paperCriticality(slices, 'normalized', 400)!.critical!;
    expect(critical!.feature).toBe('maximum');
    expect(Math.abs(Math.log(critical!.threshold / clean.threshold))).toBeLessThanOrEqual(Math.log(STEP));
    expect(plain.threshold / 0.0701).toBeGreaterThan(1);
    expect(plain.threshold / 0.0701).toBeLessThan(1.2);
  });

  it.each([
    [100, 0.1],
    [100, 0.4],
    [0.001, 0.4],
    [0.5, 0.4],
  ])('at %d, %d of all, leave the feature of the rest where it is', (value, share) => {
    const { critical, curve, continuous } = atOneSite(window(withAtoms(rayleigh, [[value, share]]), 5))!;
    expect(critical!.feature).toBe('maximum');
    expect(Math.abs(Math.log(critical!.threshold / clean.threshold))).toBeLessThanOrEqual(Math.log(STEP));
    expect(continuous.length).toBe(curve.thresholds.length);
    expect(curve.freeEnergy.every(Number.isFinite)).toBe(true);
    expect(continuous.filter(Number.isFinite).length).toBeGreaterThan(15);
  });

  it('are in the sparsity that is reported', () => {
    const slices = window(withAtoms(rayleigh, [[0.001, 0.4]]), 5);
    const { critical } = atOneSite(slices)!;
    const t = tails(mergeAll(slices));
    const { count } = retainedFrom(t, binOf(critical!.threshold));
    expect(critical!.sparsity).toBeCloseTo(1 - count / t.count[0]!, 12);
    expect(critical!.sparsity).toBeGreaterThan(0.6);
  });
});

describe('the totals of a rolling window', () => {
  it('give the same as its slices merged, also after old slices have gone', () => {
    const rolling = new RollingWindow({ sites: 2, slices: 4, sliceSamples: 2, maxAgeMs: 1e9 });
    const [narrow, wide] = [window(rayleigh, 3), window(halfNormal, 4)];
    for (let i = 0; i < 40; i++) {
      // The first samples reach further than those that are left in the end.
      const far = i < 8 ? histogramOf([1e-6, 1e6]) : emptyHistogram();
      rolling.add([mergeAll([narrow[i % narrow.length]!, far]), wide[i % wide.length]!], i);
    }
    const { slices, sites } = rolling.snapshot();
    const given = criticality(slices, DEFAULT_CRITICAL_POINT, { window: sites });
    expect(given).toEqual(criticality(slices));
    expect(given!.curve.thresholds.length).toBeGreaterThan(20);
  });
});
