import { describe, expect, it } from 'vitest';
import { continuousShare } from '../../src/criticality/atoms.ts';
import { criticality, DEFAULT_CRITICAL_POINT } from '../../src/criticality/critical-point.ts';
import { standardError } from '../../src/criticality/noise.ts';
import { paperCriticality } from '../../src/criticality/paper-rule.ts';
import { BinCounter } from '../../src/estimator/bin-counter.ts';
import { emptyHistogram, mergeAll, nonzeroCount } from '../../src/estimator/histogram.ts';
import { xorshift } from '../../src/random.ts';
import { DISTRIBUTIONS } from '../estimator/distributions.ts';
import { type Draw, exponential, halfNormal, rayleigh, window } from './samples.ts';

const counter = new BinCounter();

/** With a background: some values come again and again, as constant image borders make them. */
const withAtoms =
  (draw: Draw): Draw =>
  (u) => {
    const pick = u();
    return pick < 0.05 ? 0.0701 : pick < 0.1 ? 0.303 : pick < 0.14 ? 0.907 : draw(u);
  };

describe('no feature is a result', () => {
  it.each([1, 2, 3, 4, 5])('for the exponential distribution (seed %i)', (seed) => {
    const result = criticality(window(exponential, seed))!;
    expect(result.critical).toBeNull();
    expect(result.features).toEqual([]);
    expect(result.curve.thresholds.length).toBeGreaterThan(20);
  });

  it.each([1, 2, 3])(
    'for the exponential distribution with atoms, which the plain rule falls for (seed %i)',
    (seed) => {
      const slices = window(withAtoms(exponential), seed);
      expect(criticality(slices)!.critical).toBeNull();
      expect(paperCriticality(slices, 'normalized')!.critical).not.toBeNull();
    },
  );

  it('for fewer than four slices, which give no noise estimate', () => {
    expect(criticality(window(rayleigh, 1, { count: 3 }))!.critical).toBeNull();
  });

  it('null for no activation at all, and for a single magnitude', () => {
    expect(criticality([emptyHistogram()])).toBeNull();
    const one = counter.histogram(new Uint32Array(new Float32Array(99).fill(2).buffer));
    expect(criticality([one, one, one, one])).toBeNull();
  });
});

describe('the maximum of F', () => {
  it('is found where the exact F of the Rayleigh distribution has it', () => {
    // M/N = exp(−τ²/2); Σ/Σ₀ = exp(−τ²/2)·τ/m + erfc(τ/√2), m = √(π/2).
    const mean = Math.sqrt(Math.PI / 2);
    const exact = (tau: number) =>
      Math.log((Math.exp((-tau * tau) / 2) * tau) / mean + erfc(tau / Math.SQRT2)) +
      (mean / tau) * ((tau * tau) / 2);
    let best = 0.01;
    for (let tau = 0.01; tau < 3; tau += 0.001) if (exact(tau) > exact(best)) best = tau;
    const { critical } = criticality(window(rayleigh, 9))!;
    expect(critical!.feature).toBe('maximum');
    expect(critical!.sparsity).toBeCloseTo(1 - Math.exp((-best * best) / 2), 1);
    expect(critical!.interval[0]).toBeLessThanOrEqual(critical!.threshold);
    expect(critical!.interval[1]).toBeGreaterThanOrEqual(critical!.threshold);
  });

  it('stays at the same sparsity when all activations are multiplied by ¼ … 8', () => {
    const base = criticality(window(rayleigh, 4))!.critical!;
    for (const scale of [0.25, 0.5, 1.5, 3, 8]) {
      const scaled = criticality(window(rayleigh, 4, { scale }))!.critical!;
      expect(Math.abs(scaled.sparsity - base.sparsity)).toBeLessThanOrEqual(0.05);
      if (Number.isInteger(Math.log2(scale))) expect(scaled.sparsity).toBe(base.sparsity);
    }
  });

  it('hardly moves when atoms are added, while the plain rule on a fine grid takes the first of them', () => {
    const { critical } = criticality(window(withAtoms(rayleigh), 4))!;
    const plain = paperCriticality(window(withAtoms(rayleigh), 4), 'normalized', 400)!.critical!;
    const clean = criticality(window(rayleigh, 4))!.critical!;
    expect(critical!.feature).toBe('maximum');
    expect(Math.abs(Math.log(critical!.threshold / clean.threshold))).toBeLessThan(0.3);
    expect(plain.threshold).toBeLessThan(0.1);
  });
});

describe('the paper’s temperature', () => {
  it('makes β* depend on the unit: .89 / .27 / .13 / .03 for half-normal σ = ¼, 1, 2, 8', () => {
    const betas = [0.25, 1, 2, 8].map((scale) => {
      const slices = window(halfNormal, 2, { scale, perSlice: 200_000 });
      return paperCriticality(slices, 'paper', 30 * Math.max(1, scale))?.critical?.sparsity ?? Number.NaN;
    });
    expect(betas[0]!).toBeCloseTo(0.89, 1);
    expect(betas[1]!).toBeCloseTo(0.27, 1);
    expect(betas[2]!).toBeCloseTo(0.13, 1);
    expect(betas[3]!).toBeLessThan(0.1);
  });
});

describe('atoms', () => {
  it('are cut from what is given as continuous', () => {
    const h = mergeAll(window(withAtoms(exponential), 1));
    const share = continuousShare(h);
    const kept = h.counts.reduce((sum, count, i) => sum + count * share[i]!, 0);
    expect(kept / nonzeroCount(h)).toBeCloseTo(0.86, 2);
  });

  it.each(['halfNormal', 'exponential', 'uniform', 'lognormal', 'gelu'])('are not seen in %s', (name) => {
    const values = DISTRIBUTIONS[name]!;
    const h = counter.histogram(new Uint32Array(values.buffer));
    const share = continuousShare(h);
    const kept = h.counts.reduce((sum, count, i) => sum + count * share[i]!, 0);
    expect(kept / nonzeroCount(h)).toBeGreaterThan(0.99);
  });
});

describe('the jackknife', () => {
  it('gives the standard error of a mean', () => {
    const random = xorshift(1);
    const values = Array.from({ length: 50 }, random);
    const total = values.reduce((a, b) => a + b, 0);
    const curves = values.map((v) => Float64Array.of((total - v) / 49));
    const mean = total / 50;
    const variance = values.reduce((a, v) => a + (v - mean) ** 2, 0) / 49;
    expect(standardError({ curves }, (c) => c[0]!)).toBeCloseTo(Math.sqrt(variance / 50), 12);
  });

  it('calls few features on windows of noise around no feature: at most 1 in 40', () => {
    let called = 0;
    for (let seed = 10; seed < 50; seed++) {
      if (criticality(window(exponential, seed, { perSlice: 4000 }), DEFAULT_CRITICAL_POINT)?.critical)
        called++;
    }
    expect(called).toBeLessThanOrEqual(1);
  });
});

/** Abramowitz & Stegun 7.1.26, |error| ≤ 1.5e-7. */
function erfc(x: number): number {
  const t = 1 / (1 + 0.3275911 * x);
  const series =
    ((((1.061405429 * t - 1.453152027) * t + 1.421413741) * t - 0.284496736) * t + 0.254829592) * t;
  return series * Math.exp(-x * x);
}
