/** Counts the magnitudes of all sites together at increasing thresholds, before any gate. */
export interface Tally {
  readonly tallyAt: Float32Array;
}

/**
 * What a run measures at the sites: nothing; a histogram of each site's magnitudes; number and sum of the magnitudes that
 * pass each site's threshold; or the histograms and a tally.
 */
export type Measure = 'nothing' | 'histogram' | 'retained' | Tally;

/** Number M and sum Σ of the |a| ≥ τ: at one site, or, in a tally, at one threshold over all sites. */
export interface RetainedAtSite {
  readonly count: number;
  readonly sum: number;
}
