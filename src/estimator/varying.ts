/** A number varies where its range is more than this share of its size: less may be rounding. */
const LEAST_RANGE = 1e-6;

/** Whether numbers differ by more than they are rounded by. False where one is not a number. */
export function isVarying(column: readonly number[]): boolean {
  let [least, most] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const x of column) {
    least = Math.min(least, x);
    most = Math.max(most, x);
  }
  return most - least > LEAST_RANGE * Math.max(Math.abs(least), Math.abs(most));
}
