import { expect, it } from 'vitest';
import { SiteThresholds, thresholdsOf } from '../../src/loop/site-thresholds.ts';

it('is one threshold for all sites but those that are left out', () => {
  expect(thresholdsOf(0.5, 3, undefined)).toEqual(Float32Array.of(0.5, 0.5, 0.5));
  expect(thresholdsOf(0.5, 3, [true, false, true])).toEqual(Float32Array.of(0.5, 0, 0.5));
});

it('makes the arrays of the latest thresholds once, and anew for other sites', () => {
  const thresholds = new SiteThresholds(2);
  const all = thresholds.at(0.5, undefined);
  expect(thresholds.at(0.5, undefined)).toBe(all);
  expect(thresholds.at(0.25, undefined)).toEqual(Float32Array.of(0.25, 0.25));
  const gated = [false, true];
  const some = thresholds.at(0.5, gated);
  expect(some).toEqual(Float32Array.of(0, 0.5));
  expect(thresholds.at(0.5, gated)).toBe(some);
  expect(thresholds.at(0.5, undefined)).toEqual(all);
  for (let i = 0; i < 20; i++) expect(thresholds.at(i, undefined)).toEqual(Float32Array.of(i, i));
});
