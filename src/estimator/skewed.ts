/**
 * Standard errors of a sum of so many squares of normal numbers that are as rare as so many of a normal number.
 *
 * Source: Wilson & Hilferty 1931, "The distribution of chi-square".
 */
export function skewed(errors: number, degrees: number): number {
  const v = 2 / (9 * degrees);
  return ((1 - v + errors * Math.sqrt(v)) ** 3 - 1) / Math.sqrt(2 / degrees);
}
