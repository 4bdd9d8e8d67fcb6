import type { PlacedRequest } from '../estimator/request-correlation.ts';
import type { RequestSummary } from '../estimator/summary.ts';

/** Samples for one that is kept are counted over so many of these. */
const RECENT = 128;
/** Streams whose last request is remembered, at most: those that were seen last. */
const MOST_STREAMS = 4096;

type Kept = PlacedRequest & { readonly seen: number };

/** Sampled requests that are so far apart in their stream that they hardly resemble each other. */
export class ApartRequests {
  readonly #capacity: number;
  #kept: Kept[] = [];
  /** Index of the last that was kept of each stream. */
  readonly #last = new Map<number, number>();
  #apart = 1;
  #seen = 0;

  /** @param capacity - the latest so many are kept. */
  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  get size(): number {
    return this.#kept.length;
  }

  get summaries(): readonly RequestSummary[] {
    return this.#kept.map(({ summary }) => summary);
  }

  /** Sampled requests for one that is kept, of late; at least 1. */
  get samplesEach(): number {
    const recent = this.#kept.slice(-RECENT);
    const [first] = recent;
    const last = recent.at(-1);
    if (first === undefined || last === undefined || recent.length < 2) return 1;
    return (last.seen - first.seen) / (recent.length - 1);
  }

  /**
   * Takes in a sampled request, where it is far enough from the last of its stream. O(1); O(kept) where `apart` grows.
   *
   * @param apart - requests between two of a stream; where it grows, what was kept too close goes.
   * @returns whether it was.
   */
  add(request: PlacedRequest, apart: number): boolean {
    this.#seen++;
    if (apart > this.#apart) this.#keepFarApart(apart);
    this.#apart = apart;
    if (!this.#isFar(request, apart)) return false;
    this.#kept.push({ ...request, seen: this.#seen });
    if (this.#kept.length > this.#capacity) this.#kept.shift();
    return true;
  }

  reset(): void {
    this.#kept = [];
    this.#last.clear();
    this.#seen = 0;
  }

  /** Whether it is far from the last of its stream; then it is the last. */
  #isFar({ stream, index }: PlacedRequest, apart: number): boolean {
    const before = this.#last.get(stream);
    // A stream that was forgotten counts from 0 again.
    if (before !== undefined && index >= before && index - before < apart) return false;
    this.#last.delete(stream);
    this.#last.set(stream, index);
    if (this.#last.size > MOST_STREAMS) this.#last.delete(this.#last.keys().next().value!);
    return true;
  }

  /** Of each stream the first stays. */
  #keepFarApart(apart: number): void {
    this.#last.clear();
    this.#kept = this.#kept.filter((request) => this.#isFar(request, apart));
  }
}
