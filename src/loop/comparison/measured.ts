import { freeEnergy } from '../../criticality/free-energy.ts';
import type { SiteHistograms } from '../../estimator/histogram.ts';
import { nonzeroCount, tails } from '../../estimator/histogram.ts';
import type { RetainedAtSite } from '../../runtime/measure.ts';
import type { Comparison } from './agreement.ts';

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
  #sites: SiteTally[];

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

  reset(): void {
    this.#sites = this.#sites.map(emptyTally);
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
    sparsity: 1 - tally.retained / tally.nonzero,
    zeroRatio: tally.zeros / (tally.zeros + tally.nonzero),
  };
}

export interface AgreementReading {
  /** Sampled requests compared. */
  readonly comparisons: number;
  /** Share of their rows that agreed; NaN before the first. */
  readonly ratio: number;
  /** Wilson interval of the ratio at 95 %. */
  readonly lowerBound: number;
  readonly upperBound: number;
  /** Mean loss of the rows by the objective's measure, 0–1; NaN before the first. */
  readonly loss: number;
  /** Mean KL(dense ‖ pruned) of the softmax, nats. */
  readonly kl: number;
  readonly cosine: number;
}

/** Agreement over the latest comparisons at the present threshold. */
export class AgreementWindow {
  readonly #capacity: number;
  #latest: Comparison[] = [];

  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  add(comparison: Comparison): void {
    this.#latest.push(comparison);
    if (this.#latest.length > this.#capacity) this.#latest.shift();
  }

  reset(): void {
    this.#latest = [];
  }

  get reading(): AgreementReading {
    let rows = 0;
    let agreed = 0;
    let loss = 0;
    let kl = 0;
    let cosine = 0;
    for (const c of this.#latest) {
      rows += c.rows;
      agreed += c.agreed;
      loss += c.loss * c.rows;
      kl += c.kl * c.rows;
      cosine += c.cosine * c.rows;
    }
    const [lowerBound, upperBound] = wilson(agreed, rows);
    const comparisons = this.#latest.length;
    return {
      comparisons,
      ratio: agreed / rows,
      lowerBound,
      upperBound,
      loss: loss / rows,
      kl: kl / rows,
      cosine: cosine / rows,
    };
  }
}

/** Wilson score interval of a share at 95 %; [0, 1] without observations. */
export function wilson(successes: number, trials: number): [number, number] {
  if (trials === 0) return [0, 1];
  const z = 1.959963984540054;
  const p = successes / trials;
  const centre = p + (z * z) / (2 * trials);
  const half = z * Math.sqrt((p * (1 - p)) / trials + (z * z) / (4 * trials * trials));
  const scale = 1 + (z * z) / trials;
  return [Math.max(0, (centre - half) / scale), Math.min(1, (centre + half) / scale)];
}
