import { expect, it } from 'vitest';
import { domainOf } from '../../../src/tools/analyze/domain.ts';

it('a domain leaves out what is not finite, and is never empty', () => {
  expect(domainOf([1, Number.NaN, 3, Number.NEGATIVE_INFINITY], 0)).toEqual([1, 3]);
  expect(domainOf([])).toEqual([0, 1]);
  const [low, high] = domainOf([5, 5]);
  expect(high).toBeGreaterThan(low);
});
