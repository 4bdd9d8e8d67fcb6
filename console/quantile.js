// @ts-check

/** @typedef {{ readonly upTo: number, readonly count: number }} Bucket - observations up to an upper edge. */

/**
 * What a cumulative histogram gained between two readings; null when it was reset in between.
 *
 * @param {readonly Bucket[]} before - increasing edges, the last one infinite
 * @param {readonly Bucket[]} after - the same edges
 * @returns {Bucket[] | null}
 */
export function gained(before, after) {
  const earlier = new Map(before.map(({ upTo, count }) => [upTo, count]));
  const gains = after.map(({ upTo, count }) => ({ upTo, count: count - (earlier.get(upTo) ?? 0) }));
  return gains.some(({ count }) => count < 0) ? null : gains;
}

/**
 * Quantile of a cumulative histogram, linear inside its bucket, as Prometheus's histogram_quantile has it.
 *
 * @param {readonly Bucket[]} buckets - increasing edges > 0, the last one infinite, whose quantiles are the last finite edge
 * @param {number} q - 0–1
 * @returns {number | null} null without an observation
 */
export function quantile(buckets, q) {
  const total = buckets.at(-1)?.count ?? 0;
  if (total === 0) return null;
  const rank = q * total;
  let lower = { upTo: 0, count: 0 };
  for (const bucket of buckets) {
    if (bucket.count >= rank && bucket.count > lower.count) {
      if (bucket.upTo === Number.POSITIVE_INFINITY) return lower.upTo;
      const share = (rank - lower.count) / (bucket.count - lower.count);
      return lower.upTo + share * (bucket.upTo - lower.upTo);
    }
    lower = bucket;
  }
  return lower.upTo;
}
