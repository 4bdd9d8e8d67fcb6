/** τ* and the thresholds that the data cannot tell from it. */
export type Interval = readonly [low: number, high: number];

/** The test's whole state, and what it says. Plain JSON. */
export interface IntervalReading {
  /** The side on which the latest interval lies: −1 below, 1 above, 0 when it overlaps. */
  readonly direction: -1 | 0 | 1;
  /** Estimates in a row on that side. */
  readonly streak: number;
  readonly hasMoved: boolean;
}

/**
 * Has the critical point moved away from the one that is applied? The functional counterpart of drift: traffic may
 * change without moving τ*, and τ* may creep so slowly that no recent traffic looks new.
 *
 * Intervals of `confirmations` estimates in a row must lie off the applied one, all on the same side; one overlap starts
 * the count again. Estimates from one rolling window resemble each other, so count at least as many as renew the window.
 *
 * @param present - null: there is no critical point, which says nothing about where it is; the count stands still.
 * @param previous - the reading before; null at the first estimate after the threshold was set.
 */
export function intervalMoved(
  applied: Interval,
  present: Interval | null,
  previous: IntervalReading | null,
  confirmations: number,
): IntervalReading {
  if (present === null) return previous ?? { direction: 0, streak: 0, hasMoved: false };
  const direction = present[0] > applied[1] ? 1 : present[1] < applied[0] ? -1 : 0;
  const before = previous?.direction === direction ? previous.streak : 0;
  const streak = direction === 0 ? 0 : before + 1;
  return { direction, streak, hasMoved: streak >= confirmations };
}
