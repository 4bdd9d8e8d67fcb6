import { present } from '../../present.mjs';

/** The value below which a share of the values lies; null counts as larger than any. @type {(values: readonly (number | null)[], q: number) => number | null} */
export function quantile(values, q) {
  if (values.length === 0) return null;
  const sorted = values.map((v) => v ?? Number.POSITIVE_INFINITY).sort((a, b) => a - b);
  const value = present(sorted[Math.max(0, Math.ceil(q * sorted.length) - 1)]);
  return Number.isFinite(value) ? value : null;
}

/** @param {readonly (number | null)[]} values */
export function median(values) {
  return quantile(values, 0.5);
}

/** @param {readonly number[]} values */
export function mean(values) {
  return values.reduce((a, b) => a + b, 0) / values.length;
}

/** The least number that so rare events, by chance, exceed with a probability of at most 1 − q. @type {(expected: number, q: number) => number} */
export function poissonQuantile(expected, q) {
  let [count, chance] = [0, Math.exp(-expected)];
  for (let below = chance; below < q; below += chance) chance *= expected / ++count;
  return count;
}

/**
 * One-way analysis of variance: the mean, its standard error, and the standard deviation between groups as a share of the mean.
 *
 * @param {readonly (readonly number[])[]} groups - of the same size, at least 2 by 2.
 */
export function betweenAndWithin(groups) {
  const means = groups.map(mean);
  const all = mean(means);
  const between = sumOfSquares(means, all) / (groups.length - 1);
  const within = mean(groups.map((group) => sumOfSquares(group, mean(group)) / (group.length - 1)));
  return {
    mean: all,
    standardError: Math.sqrt(between / groups.length),
    spread: Math.sqrt(Math.max(0, between - within / present(groups[0]).length)) / all,
  };
}

/** @type {(values: readonly number[], center: number) => number} */
function sumOfSquares(values, center) {
  return values.reduce((sum, x) => sum + (x - center) ** 2, 0);
}
