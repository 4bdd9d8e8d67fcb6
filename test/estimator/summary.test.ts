import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { binned } from '../../src/estimator/binning.ts';
import { emptyHistogram } from '../../src/estimator/histogram.ts';
import { summarize } from '../../src/estimator/summary.ts';

const histogramOf = (values: readonly number[]) => binned(new Uint32Array(Float32Array.from(values).buffer));

const magnitudes = fc.array(fc.float({ min: Math.fround(1e-3), max: 100, noNaN: true }), { minLength: 1 });

describe('summarize', () => {
  it('gives the mean and the standard deviation of ln|a| of every site, to the width of a bin', () => {
    fc.assert(
      fc.property(magnitudes, magnitudes, (...sites) => {
        const summary = summarize(sites.map(histogramOf));
        for (const [site, values] of sites.entries()) {
          const logs = values.map(Math.log);
          const mean = logs.reduce((a, b) => a + b, 0) / logs.length;
          const variance = logs.reduce((a, x) => a + (x - mean) ** 2, 0) / logs.length;
          expect(Math.abs(summary[2 * site]! - mean)).toBeLessThan(0.017);
          expect(Math.abs(summary[2 * site + 1]! - Math.sqrt(variance))).toBeLessThan(0.017);
        }
      }),
    );
  });

  it('sees neither zeros nor how often a request is repeated', () => {
    const values = [0.1, 0.5, 2];
    expect(summarize([histogramOf([...values, ...values, 0, 0])])).toEqual(summarize([histogramOf(values)]));
  });

  it('puts a site without activations below all others', () => {
    const [level, spread] = summarize([emptyHistogram()]);
    expect(level!).toBeLessThan(summarize([histogramOf([1e-38])])[0]!);
    expect(spread).toBe(0);
  });
});
