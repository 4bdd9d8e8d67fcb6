import {
  type ActivationHistogram,
  cloneHistogram,
  emptyHistogram,
  finish,
  isFinished,
  merge,
  type SiteHistograms,
  subtract,
} from './histogram.ts';
import { type RequestSummary, summarize } from './summary.ts';

export interface WindowOptions {
  /** Gated sites of the model; every sample brings one histogram for each. */
  readonly sites: number;
  /** Slices in a full window; the noise of every estimate is judged between them. */
  readonly slices: number;
  /** Sampled requests per slice. */
  readonly sliceSamples: number;
  /** A slice older than this is dropped, however few samples came after it. */
  readonly maxAgeMs: number;
}

export interface WindowSnapshot {
  /** Sampled requests in the window. */
  readonly samples: number;
  /** One histogram per site, over the whole window. */
  readonly sites: SiteHistograms;
  /** Every slice, oldest first, per site; full ones are finished. */
  readonly slices: readonly SiteHistograms[];
  /** Every request, oldest first. */
  readonly requests: readonly RequestSummary[];
}

interface Slice {
  readonly startedAt: number;
  readonly requests: RequestSummary[];
  readonly sites: ActivationHistogram[];
}

/**
 * The activations of the latest sampled requests, per site.
 *
 * A ring of slices with a running total: a sample is added to the newest slice and to the total, an expired slice is
 * subtracted from the total. Histograms hold integers, so the total equals the sum of its slices exactly, for ever.
 */
export class RollingWindow {
  readonly #options: WindowOptions;
  #slices: Slice[] = [];
  #total: ActivationHistogram[];
  #samples = 0;

  constructor(options: WindowOptions) {
    this.#options = options;
    this.#total = emptySites(options.sites);
  }

  /** Sampled requests in the window. */
  get samples(): number {
    return this.#samples;
  }

  /** Sampled requests in a full window. */
  get capacity(): number {
    return this.#options.slices * this.#options.sliceSamples;
  }

  /**
   * Takes in one sampled request. O(bins).
   *
   * @param sample - one histogram per site, τ = 0.
   * @param timeMs - the time now; must not run backwards by more than a slice is long.
   * @throws RangeError for another number of sites; the window is left as it was.
   */
  add(sample: SiteHistograms, timeMs: number): void {
    if (sample.length !== this.#options.sites)
      throw new RangeError(`sample has ${sample.length} sites, not ${this.#options.sites}`);
    this.expire(timeMs);
    const slice = this.#newest(timeMs);
    for (const [i, h] of sample.entries()) {
      merge(slice.sites[i]!, h);
      merge(this.#total[i]!, h);
    }
    slice.requests.push(summarize(sample));
    if (slice.requests.length === this.#options.sliceSamples) slice.sites.forEach(finish);
    this.#samples++;
  }

  /**
   * Takes in several sampled requests that were added up already: they go into one slice, which may become larger than others.
   * O(bins).
   *
   * @param sites - one histogram per site, over all of them.
   * @throws RangeError for another number of sites; the window is left as it was.
   */
  addSlice(sites: SiteHistograms, requests: readonly RequestSummary[], timeMs: number): void {
    if (sites.length !== this.#options.sites)
      throw new RangeError(`slice has ${sites.length} sites, not ${this.#options.sites}`);
    this.expire(timeMs);
    const slice = this.#newest(timeMs);
    for (const [i, h] of sites.entries()) {
      merge(slice.sites[i]!, h);
      merge(this.#total[i]!, h);
    }
    slice.requests.push(...requests);
    if (slice.requests.length >= this.#options.sliceSamples) slice.sites.forEach(finish);
    this.#samples += requests.length;
  }

  /** The slice that takes the next sample. */
  #newest(timeMs: number): Slice {
    const newest = this.#slices.at(-1);
    if (newest !== undefined && newest.requests.length < this.#options.sliceSamples) return newest;
    const slice = { startedAt: timeMs, requests: [], sites: emptySites(this.#options.sites) };
    this.#slices.push(slice);
    if (this.#slices.length > this.#options.slices) this.#dropOldest();
    return slice;
  }

  /** Drops slices that started more than `maxAgeMs` ago. */
  expire(timeMs: number): void {
    while (this.#slices.length > 0 && timeMs - this.#slices[0]!.startedAt > this.#options.maxAgeMs) {
      this.#dropOldest();
    }
  }

  reset(): void {
    this.#slices = [];
    this.#total = emptySites(this.#options.sites);
    this.#samples = 0;
  }

  /** An immutable copy; full slices are shared. O(bins · sites). */
  snapshot(): WindowSnapshot {
    return {
      samples: this.#samples,
      sites: this.#total.map(cloneHistogram),
      slices: this.#slices.map((slice) => slice.sites.map((h) => (isFinished(h) ? h : cloneHistogram(h)))),
      requests: this.#slices.flatMap((slice) => slice.requests),
    };
  }

  #dropOldest(): void {
    const oldest = this.#slices.shift();
    if (oldest === undefined) return;
    for (const [i, h] of oldest.sites.entries()) subtract(this.#total[i]!, h);
    this.#samples -= oldest.requests.length;
  }
}

function emptySites(count: number): ActivationHistogram[] {
  return Array.from({ length: count }, emptyHistogram);
}
