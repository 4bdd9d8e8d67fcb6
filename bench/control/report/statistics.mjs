// @ts-check
/** The value below which a share of the values lies; null counts as larger than any. @type {(values: readonly (number | null)[], q: number) => number | null} */
export function quantile(values, q) {
  if (values.length === 0) return null;
  const sorted = values.map((v) => v ?? Number.POSITIVE_INFINITY).sort((a, b) => a - b);
  const value = sorted[Math.max(0, Math.ceil(q * sorted.length) - 1)];
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
