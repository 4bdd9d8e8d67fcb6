/**
 * One threshold for all sites that are pruned, 0 for the others.
 *
 * @param gated - shape [sites]; undefined: all are pruned.
 */
export function thresholdsOf(
  threshold: number,
  sites: number,
  gated: readonly boolean[] | undefined,
): Float32Array {
  const thresholds = new Float32Array(sites).fill(threshold);
  gated?.forEach((isGated, i) => {
    if (!isGated) thresholds[i] = 0;
  });
  return thresholds;
}

/** A ramp uses two thresholds; the rest are what was in use before. */
const MAX_KEPT = 8;

/** Thresholds for production, whose latest few arrays are made once. */
export class SiteThresholds {
  readonly #sites: number;
  readonly #kept = new Map<number, Float32Array>();
  #gated: readonly boolean[] | undefined;

  constructor(sites: number) {
    this.#sites = sites;
  }

  /** Shape [sites]; see `thresholdsOf`. */
  at(threshold: number, gated: readonly boolean[] | undefined): Float32Array {
    const known = gated === this.#gated ? this.#kept.get(threshold) : undefined;
    if (known !== undefined) return known;
    if (gated !== this.#gated || this.#kept.size >= MAX_KEPT) this.#kept.clear();
    this.#gated = gated;
    const thresholds = thresholdsOf(threshold, this.#sites, gated);
    this.#kept.set(threshold, thresholds);
    return thresholds;
  }
}
