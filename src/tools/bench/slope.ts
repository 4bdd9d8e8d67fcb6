export interface Point {
  readonly x: number;
  readonly y: number;
}

/**
 * Slope of the least-squares line through points, in units of y per unit of x.
 *
 * Both means are taken off first, so that large offsets (bytes of memory) cost no precision.
 *
 * @returns NaN when all points share one x.
 */
export function leastSquaresSlope(points: readonly Point[]): number {
  const n = points.length;
  const meanX = points.reduce((sum, { x }) => sum + x, 0) / n;
  const meanY = points.reduce((sum, { y }) => sum + y, 0) / n;
  let xy = 0;
  let xx = 0;
  for (const { x, y } of points) {
    xy += (x - meanX) * (y - meanY);
    xx += (x - meanX) ** 2;
  }
  return xx === 0 ? Number.NaN : xy / xx;
}

/** The points in the second half of the range of x. */
export function secondHalf(points: readonly Point[]): readonly Point[] {
  const first = Math.min(...points.map(({ x }) => x));
  const last = Math.max(...points.map(({ x }) => x));
  return points.filter(({ x }) => x >= (first + last) / 2);
}
