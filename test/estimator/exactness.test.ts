import { describe, expect, it } from 'vitest';
import { freeEnergyAt, type Temperature } from '../../src/criticality/free-energy.ts';
import { binned } from '../../src/estimator/binning.ts';
import { edgeOf } from '../../src/estimator/bins.ts';
import {
  type ActivationHistogram,
  mergeAll,
  nonzeroCount,
  retainedFrom,
  tails,
  zeroRatio,
} from '../../src/estimator/histogram.ts';
import { capture } from './bundled-activations.ts';
import { bitsOf, DISTRIBUTIONS } from './distributions.ts';
import { retainedBySorting, sortedMagnitudes } from './sorted.ts';

/**
 * The largest relative errors of M, Σ, E and F over every bin edge against the sorted magnitudes.
 * F can cross zero: its error is relative to the larger of its two terms, and to no less than 1e-6.
 */
function errorsOf(h: ActivationHistogram, tensors: readonly Float32Array[]) {
  const sorted = sortedMagnitudes(tensors);
  const total = { count: sorted.values.length, sum: sorted.sums[0]! };
  const t = tails(h);
  const bins = Int32Array.from({ length: h.counts.length }, (_, i) => h.offset + i);
  const thresholds = Array.from(bins, edgeOf);
  const expected = retainedBySorting(sorted, thresholds);
  const worst = { count: 0, sum: 0, energy: 0, paper: 0, normalized: 0 };
  const note = (quantity: keyof typeof worst, actual: number, exact: number, scale = Math.abs(exact)) => {
    const error = actual === exact ? 0 : Math.abs(actual - exact) / scale;
    if (!(error <= worst[quantity])) worst[quantity] = error;
  };
  for (const [i, { count, sum }] of expected.entries()) {
    const actual = retainedFrom(t, bins[i]!);
    note('count', actual.count, count);
    note('sum', actual.sum, sum);
  }
  for (const temperature of ['paper', 'normalized'] as Temperature[]) {
    const curve = freeEnergyAt(t, thresholds, temperature);
    const scale = temperature === 'paper' ? 1 : total.sum / total.count;
    for (const [i, { count, sum }] of expected.entries()) {
      if (count === 0) {
        expect(curve.freeEnergy[i]).toBeNaN();
        continue;
      }
      const energy = Math.log(sum / total.sum);
      const entropy = (scale / thresholds[i]!) * Math.log(count / total.count);
      note('energy', curve.internalEnergy[i]!, energy, Math.max(Math.abs(energy), 1e-6));
      note(temperature, curve.freeEnergy[i]!, energy - entropy, Math.max(-energy, -entropy, 1e-6));
    }
  }
  return { worst, edges: bins.length, total };
}

function expectExact(h: ActivationHistogram, tensors: readonly Float32Array[], edges: number): void {
  const errors = errorsOf(h, tensors);
  expect(errors.worst.count).toBe(0);
  for (const quantity of ['sum', 'energy', 'paper', 'normalized'] as const)
    expect(errors.worst[quantity], quantity).toBeLessThanOrEqual(1e-9);
  expect(errors.edges).toBeGreaterThanOrEqual(edges);
  expect(nonzeroCount(h)).toBe(errors.total.count);
  const finite = tensors.reduce((n, tensor) => n + tensor.filter(Number.isFinite).length, 0);
  expect(zeroRatio(h)).toBeCloseTo(1 - errors.total.count / finite, 12);
}

describe('M, Σ, E and F at every bin edge are those of the sorted magnitudes', () => {
  it.each(Object.entries(DISTRIBUTIONS))('%s', (_, values) => {
    expectExact(binned(bitsOf(values)), [values], 256);
  });

  it('activations of the bundled model, each site and all of them', async () => {
    const captured = await capture(0, 24);
    expect(captured.length).toBe(5);
    const histograms = captured.map((tensor) => binned(bitsOf(tensor)));
    for (const [i, tensor] of captured.entries()) expectExact(histograms[i]!, [tensor], 256);
    expectExact(mergeAll(histograms), captured, 512);
  });
});
