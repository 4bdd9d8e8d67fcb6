// What a server shows of its sites is believed only if it can be true.
import { expect, it } from 'vitest';
import type { Tensor } from '../../../src/protocol/types.ts';
import { measuredRows } from '../../../src/runtime/upstream/measured-rows.ts';

const BINS = 64;
/** A histogram of one bin: 2^0 ≤ |a|, so many of them. */
const histogram = (count: number, { bins = BINS, first = 8128, zeros = 2, nonFinite = 0 } = {}) => [
  bins,
  first,
  zeros,
  nonFinite,
  count,
  ...new Array<number>(bins - 1).fill(0),
  ...new Array<number>(bins).fill(0),
];
const shown = (rows: readonly (readonly number[])[], more: Partial<Tensor> = {}): Tensor =>
  ({
    name: 'taustat_histograms',
    datatype: 'FP64',
    shape: [rows.length, rows[0]!.length],
    elements: Float64Array.from(rows.flat()),
    ...more,
  }) as Tensor;

const twoSites = [
  [...histogram(3), ...histogram(5, { zeros: 0 })],
  [...histogram(4), ...histogram(6, { zeros: 1 })],
];

it('adds up the rows of each site', () => {
  const { histograms } = measuredRows(shown(twoSites), 2, 2, 'histogram');
  expect(histograms.map(({ offset, zeros, counts }) => [offset, zeros, counts[0]])).toEqual([
    [8128, 4, 7],
    [8128, 1, 11],
  ]);
  expect(measuredRows(shown(twoSites), 2, 2, 'retained').retained).toEqual([
    { count: 7, sum: 7 },
    { count: 11, sum: 11 },
  ]);
  const { retained } = measuredRows(shown(twoSites), 2, 2, { tallyAt: Float32Array.of(0.5, 1, 2) });
  expect(retained.map(({ count }) => count)).toEqual([18, 18, 0]);
});

it.each([
  ['another datatype', shown(twoSites, { datatype: 'FP32' }), /FP32 \[2,\d+\], expected FP64 \[2,-1\]/],
  ['other rows', shown([twoSites[0]!]), /\[1,\d+\], expected FP64 \[2,-1\]/],
  ['another site too many', shown(twoSites.map((row) => [...row, ...histogram(1)])), /numbers after/],
  ['a site too few', shown(twoSites.map((row) => row.slice(0, row.length / 2))), /no histogram of site 1/],
  ['more bins than numbers', shown(twoSites.map(([, ...row]) => [6400, ...row])), /no histogram of site 0/],
  ['bins that are no octaves', shown(twoSites.map(([, ...row]) => [63, ...row])), /no histogram of site 0/],
  ['NaN for bins', shown(twoSites.map(([, ...row]) => [Number.NaN, ...row])), /no histogram of site 0/],
  ['a bin before the first', shown(twoSites.map(([bins, , ...row]) => [bins!, -64, ...row])), /site 0/],
  ['counts below 0', shown([histogram(-1).concat(histogram(1)), twoSites[1]!]), /counts that are none/],
  ['half counts', shown([histogram(0.5).concat(histogram(1)), twoSites[1]!]), /counts that are none/],
  ['NaN', shown([histogram(Number.NaN).concat(histogram(1)), twoSites[1]!]), /counts that are none/],
] as const)('refuses %s', (_, tensor, message) => {
  expect(() => measuredRows(tensor, 2, 2, 'histogram')).toThrow(message);
});
