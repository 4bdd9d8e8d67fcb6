import { describe, expect, it } from 'vitest';
import { leaveOneOut } from '../../src/criticality/additive.ts';
import { continuousSite, slicedCounts } from '../../src/criticality/continuous-site.ts';
import { freeEnergyAt, type Temperature } from '../../src/criticality/free-energy.ts';
import { leastErrors, standardError } from '../../src/criticality/noise.ts';
import { xorshift } from '../../src/drift/xorshift.ts';
import { binned } from '../../src/estimator/binning.ts';
import { binOf, edgeOf } from '../../src/estimator/bins.ts';
import { type ActivationHistogram, mergeAll, tails } from '../../src/estimator/histogram.ts';
import { bitsOf } from '../estimator/distributions.ts';
import { exponential, window } from './samples.ts';

const BINS = Int32Array.of(binOf(0.1), binOf(0.5), binOf(1), binOf(2));
const THRESHOLDS = Float64Array.from(BINS, edgeOf);
const replicasOf = (slices: readonly ActivationHistogram[], temperature: Temperature) =>
  leaveOneOut([slicedCounts(slices, continuousSite(mergeAll(slices)).atoms, BINS)], THRESHOLDS, temperature);

describe('the jackknife standard error', () => {
  it('of a mean is its closed form s/√K', () => {
    const random = xorshift(1);
    for (const size of [2, 5, 16, 50]) {
      const values = Array.from({ length: size }, random);
      const total = values.reduce((a, b) => a + b, 0);
      const curves = values.map((v) => Float64Array.of((total - v) / (size - 1)));
      const variance = values.reduce((a, v) => a + (v - total / size) ** 2, 0) / (size - 1);
      expect(standardError({ curves }, (c) => c[0]!)).toBeCloseTo(Math.sqrt(variance / size), 12);
    }
  });

  it('of the density M/N over slices of equal size is the closed form of a mean of shares', () => {
    const slices = window(exponential, 3, { perSlice: 1000 });
    const shares = slices.map((slice) => tails(slice).count[binOf(1) - slice.offset]! / 1000);
    const mean = shares.reduce((a, b) => a + b, 0) / 16;
    const closed = Math.sqrt(shares.reduce((a, s) => a + (s - mean) ** 2, 0) / 15 / 16);
    const curves = shares.map((s) => Float64Array.of((16 * mean - s) / 15));
    expect(standardError({ curves }, (c) => c[0]!)).toBeCloseTo(closed, 12);
    expect(closed).toBeGreaterThan(0.5 * Math.sqrt((Math.exp(-1) * (1 - Math.exp(-1))) / 16_000));
    expect(closed).toBeLessThan(2 * Math.sqrt((Math.exp(-1) * (1 - Math.exp(-1))) / 16_000));
  });

  it('is 0 when the slices are alike', () => {
    const slice = window(exponential, 1, { count: 1, perSlice: 5000 })[0]!;
    const replicas = replicasOf([slice, slice, slice, slice], 'normalized');
    expect(standardError(replicas, (f) => f[1]!)).toBeLessThan(1e-14);
  });
});

/**
 * Activations of one request are alike: each slice has 4 requests, each of 200 magnitudes with a scale of its own. Dealt to
 * the slices one by one, they would make the error look 0.23–0.7 times what it is.
 */
function requests(random: () => number): ActivationHistogram {
  const normal = () => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
  const values: number[] = [];
  for (let request = 0; request < 4; request++) {
    const scale = Math.exp(0.4 * normal());
    for (let i = 0; i < 200; i++) values.push(-Math.log(1 - random()) * scale);
  }
  return binned(bitsOf(Float32Array.from(values)));
}

describe('the spread of F over 400 independent windows is what the jackknife says of each, within 12 %', () => {
  const random = xorshift(11);
  const windows = Array.from({ length: 400 }, () => Array.from({ length: 16 }, () => requests(random)));
  const quantities: Readonly<Record<string, (f: Float64Array) => number>> = {
    'F at β = .1': (f) => f[0]!,
    'F at β = .6': (f) => f[2]!,
    'a difference of F': (f) => f[3]! - f[1]!,
  };

  it.each(
    Object.keys(quantities).flatMap((name) =>
      (['paper', 'normalized'] as Temperature[]).map((temperature) => [name, temperature] as const),
    ),
  )('%s (%s)', (name, temperature) => {
    const quantity = quantities[name]!;
    const values = windows.map((slices) =>
      quantity(freeEnergyAt(tails(mergeAll(slices)), Array.from(THRESHOLDS), temperature).freeEnergy),
    );
    const mean = values.reduce((a, b) => a + b, 0) / values.length;
    const spread = Math.sqrt(values.reduce((a, v) => a + (v - mean) ** 2, 0) / (values.length - 1));
    const variances = windows.map((slices) => standardError(replicasOf(slices, temperature), quantity) ** 2);
    const claimed = Math.sqrt(variances.reduce((a, b) => a + b, 0) / variances.length);
    expect(Math.abs(claimed / spread - 1)).toBeLessThan(0.12);
  });
});

describe('the least number of standard errors', () => {
  // Two-sided tails of the normal distribution, carried to Student's t with K − 1 degrees of freedom.
  it.each([
    [2, 16, 2.181],
    [3, 16, 3.586],
    [4, 16, 5.48],
    [4, 32, 4.622],
    [3, 8, 4.53],
    [2, 4, 3.307],
  ])('for one look at %d σ with %i slices is Student’s %d, never less', (errors, slices, exact) => {
    const least = leastErrors(errors, 1, slices);
    expect(least).toBeGreaterThan(exact - 0.001);
    expect(least).toBeLessThan(1.02 * exact);
  });

  // Two-sided normal quantiles at the tail of 4 σ divided by the number of looks.
  it.each([
    [10, 4.515],
    [60, 4.881],
    [400, 5.243],
  ])('for %i looks at 4 σ and many slices is the normal %d, never less', (looks, exact) => {
    const least = leastErrors(4, looks, 100_000);
    expect(least).toBeGreaterThan(exact);
    expect(least).toBeLessThan(1.02 * exact);
  });

  it('grows with the looks and falls with the slices', () => {
    for (const looks of [1, 2, 30, 60])
      for (const slices of [4, 6, 16, 40]) {
        expect(leastErrors(4, looks + 1, slices)).toBeGreaterThan(leastErrors(4, looks, slices));
        expect(leastErrors(4, looks, slices + 1)).toBeLessThan(leastErrors(4, looks, slices));
      }
  });
});
