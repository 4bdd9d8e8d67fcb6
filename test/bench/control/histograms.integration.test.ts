import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { binned } from '../../../src/estimator/binning.ts';
import { type ActivationHistogram, tails } from '../../../src/estimator/histogram.ts';
import { controlModule } from './module.ts';

interface Totals {
  readonly count: Float64Array;
  readonly sum: Float64Array;
}

const { packed, packedTotals, unpacked } = await controlModule<{
  packed: (inputs: readonly (readonly ActivationHistogram[])[]) => object;
  unpacked: (columns: object, index: number) => ActivationHistogram;
  packedTotals: (columns: object) => Totals;
}>('recording/histograms');

const histogram = fc
  .array(fc.float({ noNaN: true, min: -1000, max: 1000 }), { maxLength: 40 })
  .map((values) => binned(new Uint32Array(Float32Array.from(values).buffer)));

/** What every bin that is not empty holds. */
function contentOf(h: ActivationHistogram) {
  return Array.from(h.counts, (count, k) => [h.offset + k, count, h.residuals[k]]).filter(([, n]) => n !== 0);
}

describe('packed histograms', () => {
  it('come back as they were, with their totals', () => {
    void fc.assert(
      fc.property(fc.array(fc.tuple(histogram, histogram), { minLength: 1, maxLength: 4 }), (inputs) => {
        const columns = packed(inputs);
        const totals = packedTotals(columns);
        for (const [i, h] of inputs.flat().entries()) {
          const again = unpacked(columns, i);
          expect(again.zeros).toBe(h.zeros);
          expect(again.nonFinite).toBe(h.nonFinite);
          const before = tails(h);
          expect(totals.count[i]).toBe(before.count[0]);
          expect(totals.sum[i]! / (before.sum[0] || 1)).toBeCloseTo(before.sum[0] ? 1 : 0, 9);
          expect(contentOf(again)).toEqual(contentOf(h));
        }
      }),
    );
  });
});
