import { describe, expect, it } from 'vitest';
import { CRITICAL_POINT_DEFAULTS } from '../../src/config/critical-point.ts';
import { mergeAll } from '../../src/estimator/histogram.ts';
import { estimate } from '../../src/loop/estimate.ts';
import { activated, FUNCTIONS } from '../criticality/activations.ts';
import { expectedHistogram } from '../criticality/analytic.ts';

const { pole } = FUNCTIONS.HardSwish;
const h = expectedHistogram(activated(FUNCTIONS.HardSwish, 0, 2));
const slices = [[h], [h], [h], [h]];
const found = (rule: 'significant' | 'paper', poles?: readonly (number | null)[]) =>
  estimate(slices, { ...CRITICAL_POINT_DEFAULTS, rule }, [mergeAll(slices.flat())], poles)!;

describe('the estimate of a window', () => {
  it('begins at no pole of an activation function', () => {
    expect(found('significant', [pole]).critical).toBeNull();
    expect(found('significant', [null]).critical?.feature).toBe('maximum');
    expect(found('significant').critical).toEqual(found('significant', [null]).critical);
  });

  it('is by the plain rule of the paper what it was in the paper', () => {
    expect(found('paper', [pole])).toEqual(found('paper'));
    expect(found('paper', [pole]).critical).not.toBeNull();
  });
});
