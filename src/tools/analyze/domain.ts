/** The smallest interval with all finite values in it, with a margin; wider than a point. */
export function domainOf(values: readonly number[], margin = 0.06): [number, number] {
  const shown = values.filter(Number.isFinite);
  if (shown.length === 0) return [0, 1];
  const low = Math.min(...shown);
  const high = Math.max(...shown);
  const extra = (high - low || Math.abs(high) || 1) * margin;
  return [low - extra, high + extra];
}
