import { freeEnergy } from '../../criticality/free-energy.ts';
import type { SiteHistograms } from '../../estimator/histogram.ts';
import { nonzeroCount, tails } from '../../estimator/histogram.ts';
import type { RetainedAtSite } from '../../runtime/measure.ts';

/** Sampled requests after which a measurement has lost half of its weight. */
const HALF_LIFE = 64;
const KEEP = 2 ** (-1 / HALF_LIFE);

interface SiteTally {
  retained: number;
  retainedSum: number;
  nonzero: number;
  sum: number;
  zeros: number;
}

/** Measured β of a site, with what hardware sees on top. */
export interface MeasuredSparsity {
  /** Share of the nonzero activations that the gates zeroed; NaN before the first pruned run. */
  readonly sparsity: number;
  /** Share of all activations that were zero before any gate. */
  readonly zeroRatio: number;
}

/**
 * What pruned runs really did, on sampled requests, newest first in weight.
 *
 * The dense run of the same request gives N and Σ₀, the pruned run M and Σ: together a point of the full evaluation on
 * live traffic, which checks the renormalized curve.
 */
export class MeasuredPruning {
  readonly #sites: readonly SiteTally[];

  constructor(sites: number) {
    this.#sites = Array.from({ length: sites }, emptyTally);
  }

  /** Takes in one sampled request that was run both ways. O(bins · sites). */
  add(dense: SiteHistograms, retained: readonly RetainedAtSite[]): void {
    for (const [i, tally] of this.#sites.entries()) {
      const h = dense[i]!;
      for (const key of TALLY_KEYS) tally[key] *= KEEP;
      tally.zeros += h.zeros;
      tally.nonzero += nonzeroCount(h);
      tally.sum += tails(h).sum[0]!;
      tally.retained += retained[i]!.count;
      tally.retainedSum += retained[i]!.sum;
    }
  }

  get sites(): readonly MeasuredSparsity[] {
    return this.#sites.map(sparsityOf);
  }

  get overall(): MeasuredSparsity {
    return sparsityOf(this.#total());
  }

  /** Free energy of the pruned runs at the threshold they were made at; NaN before the first. */
  freeEnergy(threshold: number, scale: number): number {
    const t = this.#total();
    if (t.nonzero === 0) return Number.NaN;
    const retained = { count: t.retained, sum: t.retainedSum, totalCount: t.nonzero, totalSum: t.sum };
    return freeEnergy(retained, threshold, scale);
  }

  #total(): SiteTally {
    const total = emptyTally();
    for (const tally of this.#sites) for (const key of TALLY_KEYS) total[key] += tally[key];
    return total;
  }
}

const TALLY_KEYS = ['retained', 'retainedSum', 'nonzero', 'sum', 'zeros'] as const;

function emptyTally(): SiteTally {
  return { retained: 0, retainedSum: 0, nonzero: 0, sum: 0, zeros: 0 };
}

function sparsityOf(tally: SiteTally): MeasuredSparsity {
  return {
    // Of a large tensor `nonzero` is known by a sample, so that it may be a little less than what passed the gates.
    sparsity: Math.max(0, 1 - tally.retained / tally.nonzero),
    zeroRatio: tally.zeros / (tally.zeros + tally.nonzero),
  };
}

/** Thresholds that are measured at the same time: a ramp uses two, and a trial a third. */
const MAX_THRESHOLDS = 4;

/** What pruned runs did at each of the thresholds that are in use. */
export class MeasuredByThreshold {
  readonly #sites: number;
  readonly #measured = new Map<number, MeasuredPruning>();

  constructor(sites: number) {
    this.#sites = sites;
  }

  at(threshold: number): MeasuredPruning {
    const known = this.#measured.get(threshold);
    if (known !== undefined) return known;
    const [oldest] = this.#measured.keys();
    if (oldest !== undefined && this.#measured.size >= MAX_THRESHOLDS) this.#measured.delete(oldest);
    const fresh = new MeasuredPruning(this.#sites);
    this.#measured.set(threshold, fresh);
    return fresh;
  }

  reset(): void {
    this.#measured.clear();
  }

  /** Σ share · β over the parts of production, per site and over all; what is dense adds nothing. */
  weighted(parts: readonly (readonly [threshold: number, share: number])[]) {
    const pruned = parts.filter(([threshold, share]) => threshold > 0 && share > 0);
    const sum = (sparsity: (measured: MeasuredPruning) => number) =>
      pruned.reduce((total, [threshold, share]) => total + share * sparsity(this.at(threshold)), 0);
    return {
      sites: Array.from({ length: this.#sites }, (_, i) => sum((measured) => measured.sites[i]!.sparsity)),
      overall: sum((measured) => measured.overall.sparsity),
    };
  }
}
