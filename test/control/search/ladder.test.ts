import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ladderOf } from '../../../src/control/search/ladder.ts';
import { criticalityAt } from '../events.ts';

const thresholdsOf = (...args: Parameters<typeof ladderOf>) =>
  ladderOf(...args).rungs.map(({ threshold }) => threshold);

describe('guarded', () => {
  it('offers the curve and starts at the earliest feature', () => {
    const { rungs, start } = ladderOf(criticalityAt(0.7, 1.5), 'guarded');
    expect(rungs).toHaveLength(20);
    expect(rungs[start]!.threshold).toBe(0.7);
  });

  it('starts at the bottom without a feature', () => {
    expect(ladderOf(criticalityAt(), 'guarded').start).toBe(0);
  });

  it('holds every feature, also between the steps', () => {
    expect(thresholdsOf(criticalityAt(0.71, 0.72), 'guarded')).toEqual(expect.arrayContaining([0.71, 0.72]));
  });

  it('is increasing, with steps of sparsity that are worth a trial', () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(fc.double({ min: 0.05, max: 2, noNaN: true }), { maxLength: 4 }),
        (features) => {
          features.sort((a, b) => a - b);
          const { rungs, start } = ladderOf(criticalityAt(...features), 'guarded');
          for (const [i, rung] of rungs.slice(1).entries()) {
            expect(rung.threshold).toBeGreaterThan(rungs[i]!.threshold);
            const isFeature = features.includes(rung.threshold) && features.includes(rungs[i]!.threshold);
            if (!isFeature) expect(rung.sparsity - rungs[i]!.sparsity).toBeGreaterThan(0.0);
          }
          if (features.length > 0) expect(rungs[start]!.threshold).toBe(features[0]);
        },
      ),
    );
  });
});

describe('earliest', () => {
  it('offers nothing without a critical point', () => {
    expect(ladderOf(criticalityAt(), 'earliest').rungs).toEqual([]);
  });

  it('goes no further than the critical point, where it starts, and falls back to shares of its sparsity', () => {
    const { rungs, start } = ladderOf(criticalityAt(0.8, 1.8), 'earliest');
    expect(rungs.map(({ threshold }) => threshold)).toEqual([0.2, 0.4, 0.6, 0.8]);
    expect(start).toBe(3);
  });

  it('has no rung twice where the curve begins late', () => {
    expect(thresholdsOf(criticalityAt(0.1), 'earliest')).toEqual([0.1]);
    expect(thresholdsOf(criticalityAt(0.3), 'earliest')).toEqual([0.1, 0.2, 0.3]);
  });
});
