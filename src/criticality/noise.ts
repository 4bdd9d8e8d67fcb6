/**
 * Replicas of a curve with one slice of the window left out in turn: the delete-one jackknife.
 *
 * Slices hold whole requests, so that the correlation of activations inside a request is in the estimate. Every replica has
 * temperature scales of its own, so that their noise is in it too.
 * Source: Efron & Stein 1981.
 */
export interface Replicas {
  /** K curves on the same grid as the original. */
  readonly curves: readonly Float64Array[];
}

/** Jackknife standard error of any quantity of the curve. */
export function standardError(replicas: Replicas, quantity: (curve: Float64Array) => number): number {
  const values = replicas.curves.map(quantity);
  const k = values.length;
  const mean = values.reduce((a, b) => a + b, 0) / k;
  return Math.sqrt(((k - 1) / k) * values.reduce((a, v) => a + (v - mean) ** 2, 0));
}

/**
 * How many jackknife standard errors are as unlikely by chance as `errors` of a single normal quantity.
 *
 * A curve of `looks` points is as many chances (Bonferroni, with the normal tail as exp(−z²/2)), and a standard error
 * from K slices is itself noisy (Student's t with K − 1 degrees of freedom).
 * Source: D. L. Wallace 1959, Bounds on normal approximations to Student's and the chi-square distributions.
 */
export function leastErrors(errors: number, looks: number, slices: number): number {
  const freedom = slices - 1;
  const z = Math.sqrt(errors * errors + 2 * Math.log(Math.max(1, looks)));
  const scaled = (z * (8 * freedom + 3)) / (8 * freedom + 1);
  return Math.sqrt(freedom * Math.expm1((scaled * scaled) / freedom));
}
