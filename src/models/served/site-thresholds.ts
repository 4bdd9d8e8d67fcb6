/** A ramp uses two thresholds; the rest are what was in use before. */
const MAX_KEPT = 8;

/** One threshold for all sites, shape [sites]; the arrays of the latest few are made once. */
export function siteThresholds(sites: number): (threshold: number) => Float32Array {
  const kept = new Map<number, Float32Array>();
  return (threshold) => {
    const known = kept.get(threshold);
    if (known !== undefined) return known;
    if (kept.size >= MAX_KEPT) kept.clear();
    const thresholds = new Float32Array(sites).fill(threshold);
    kept.set(threshold, thresholds);
    return thresholds;
  };
}
