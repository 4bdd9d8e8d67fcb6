import { describe, expect, it } from 'vitest';
import { freeEnergyFrom } from '../../src/criticality/full-evaluation.ts';
import { freeEnergyAt } from '../../src/criticality/paper-rule.ts';
import { BinCounter } from '../../src/estimator/bin-counter.ts';
import { edgeOf } from '../../src/estimator/bins.ts';
import { bitsOf, DISTRIBUTIONS } from '../estimator/distributions.ts';
import { retainedBySorting, sortedMagnitudes } from '../estimator/sorted.ts';

const h = new BinCounter().histogram(bitsOf(DISTRIBUTIONS.halfNormal!));
const thresholds = [7900, 8000, 8050, 8128, 8200].map(edgeOf);
const sorted = sortedMagnitudes([DISTRIBUTIONS.halfNormal!]);
const dense = { count: sorted.values.length, sum: sorted.sums[0]! };

describe('F from counts taken at each threshold', () => {
  it.each(['paper', 'normalized'] as const)(
    'of the unpruned network is the renormalized F (%s)',
    (temperature) => {
      const curve = freeEnergyFrom(thresholds, retainedBySorting(sorted, thresholds), dense, temperature);
      const renormalized = freeEnergyAt(h, thresholds, temperature);
      for (let i = 0; i < thresholds.length; i++) {
        expect(curve.freeEnergy[i]).toBeCloseTo(renormalized.freeEnergy[i]!, 9);
        expect(curve.internalEnergy[i]).toBeCloseTo(renormalized.internalEnergy[i]!, 9);
        expect(curve.sparsity[i]).toBe(renormalized.sparsity[i]);
      }
    },
  );

  it('follows the pruned network above what the unpruned one had: β < 0', () => {
    const curve = freeEnergyFrom([0.5], [{ count: 120, sum: 130 }], { count: 100, sum: 100 }, 'paper');
    expect(curve.sparsity[0]).toBeCloseTo(-0.2, 12);
    expect(curve.freeEnergy[0]).toBeCloseTo(Math.log(1.3) - 2 * Math.log(1.2), 12);
  });

  it('is NaN where everything was pruned', () => {
    expect(freeEnergyFrom([9], [{ count: 0, sum: 0 }], dense, 'paper').freeEnergy[0]).toBeNaN();
  });

  it('refuses another number of counts than thresholds, and no activation', () => {
    expect(() => freeEnergyFrom([1, 2], [dense], dense, 'paper')).toThrow('2 thresholds, 1 counts');
    expect(() => freeEnergyFrom([1], [dense], { count: 0, sum: 0 }, 'paper')).toThrow(RangeError);
  });
});
