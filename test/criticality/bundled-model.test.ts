import { beforeAll, describe, expect, it } from 'vitest';
import { atomsOf } from '../../src/criticality/atoms.ts';
import { criticality, DEFAULT_CRITICAL_POINT } from '../../src/criticality/critical-point.ts';
import type { Temperature } from '../../src/criticality/free-energy.ts';
import { paperCriticality } from '../../src/criticality/paper-rule.ts';
import { binned } from '../../src/estimator/binning.ts';
import { binOf } from '../../src/estimator/bins.ts';
import type { SiteHistograms } from '../../src/estimator/histogram.ts';
import { type ActivationHistogram, mergeAll, nonzeroCount } from '../../src/estimator/histogram.ts';
import { capture } from '../estimator/bundled-activations.ts';
import { bitsOf } from '../estimator/distributions.ts';

const IMAGES = 1000;
const PER_SLICE = 8;
const TEMPERATURES: readonly Temperature[] = ['normalized', 'paper'];
/** 125 slices of 8 images each. */
const slices: SiteHistograms[] = [];
const pooled = () => slices.map(mergeAll);

beforeAll(async () => {
  for (let from = 0; from < IMAGES; from += PER_SLICE) {
    const captured = await capture(from, from + PER_SLICE);
    slices.push(captured.map((tensor) => binned(bitsOf(tensor))));
  }
}, 120_000);

/** The bins from one threshold up to another that hold an atom. */
function atomsBetween(h: ActivationHistogram, low: number, high: number): number[] {
  return atomsOf(h).flatMap(({ bin }) => (bin >= binOf(low) && bin < binOf(high) ? [bin] : []));
}

describe('the bundled model on 1,000 real images', () => {
  const options = (temperature: Temperature) => ({ ...DEFAULT_CRITICAL_POINT, temperature });

  it('has atoms: four values that each are 2 % of all activations', () => {
    const all = mergeAll(pooled());
    const cut = atomsOf(all).map(({ bin, cut }) => (cut * all.counts[bin - all.offset]!) / nonzeroCount(all));
    expect(cut.filter((c) => c > 0.015).length).toBe(4);
    const total = cut.reduce((a, b) => a + b, 0);
    expect(total).toBeGreaterThan(0.06);
    expect(total).toBeLessThan(0.1);
  });

  it.each(TEMPERATURES)(
    'has a maximum that is no atom, with a prominence of 3 percent or more (%s)',
    (temperature) => {
      const { critical, features } = criticality(slices, options(temperature))!;
      expect(critical!.feature).toBe('maximum');
      expect(features[0]!.prominence).toBeGreaterThanOrEqual(0.03);
      expect(critical!.sparsity).toBeGreaterThan(0.14);
      expect(critical!.sparsity).toBeLessThan(0.21);
      expect(atomsBetween(mergeAll(pooled()), critical!.interval[0], critical!.interval[1])).toEqual([]);
    },
  );

  it.each(TEMPERATURES)(
    'has it in five disjoint samples of 200 images, at the same β to .005 (%s)',
    (temperature) => {
      const whole = criticality(slices, options(temperature))!.critical!;
      for (let part = 0; part < 5; part++) {
        const sample = slices.slice(25 * part, 25 * part + 25);
        const { critical, features } = criticality(sample, options(temperature))!;
        expect(critical!.feature).toBe(whole.feature);
        expect(Math.abs(critical!.sparsity - whole.sparsity)).toBeLessThanOrEqual(0.005);
        expect(features[0]!.prominence).toBeGreaterThanOrEqual(0.03);
      }
    },
  );

  it.each(TEMPERATURES)(
    'has it in windows of 16 slices of 16 images too, the default of the server (%s)',
    (temperature) => {
      const whole = criticality(slices, options(temperature))!.critical!;
      for (const from of [0, 32, 64, 93]) {
        const pairs = Array.from({ length: 16 }, (_, i) =>
          slices[from]!.map((_, site) =>
            mergeAll([slices[from + 2 * i]![site]!, slices[from + 2 * i + 1]![site]!]),
          ),
        );
        const { critical } = criticality(pairs, options(temperature))!;
        expect(critical?.feature).toBe('maximum');
        expect(Math.abs(critical!.sparsity - whole.sparsity)).toBeLessThanOrEqual(0.005);
      }
    },
  );

  it.each([100, 1000])('shows why: on a linear grid of %i steps the plain rule stops at an atom', (steps) => {
    const all = mergeAll(pooled());
    for (const temperature of TEMPERATURES) {
      const plain = paperCriticality(pooled(), temperature, steps)!.critical!;
      const found = criticality(slices, options(temperature))!.critical!;
      expect(plain.threshold).toBeLessThan(0.5 * found.threshold);
      expect(plain.sparsity).toBeLessThan(0.08);
      expect(atomsBetween(all, plain.interval[0], plain.threshold).length).toBeGreaterThan(0);
    }
  });
});
