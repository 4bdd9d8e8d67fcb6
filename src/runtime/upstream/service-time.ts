/** Observations per half of the memory. */
const HALF = 64;

/**
 * The time that an upstream server spends on a run of one kind, in milliseconds: the shortest of the latest ones. Longer ones
 * have waited for others, there or on the way, which is nobody's work.
 */
export class ServiceTime {
  #before = Number.POSITIVE_INFINITY;
  #now = Number.POSITIVE_INFINITY;
  #count = 0;

  /** @returns the time of such a run, at most `ms`. O(1). */
  observe(ms: number): number {
    this.#now = Math.min(this.#now, ms);
    const shortest = Math.min(this.#before, this.#now);
    this.#count++;
    if (this.#count === HALF) {
      this.#before = this.#now;
      this.#now = Number.POSITIVE_INFINITY;
      this.#count = 0;
    }
    return shortest;
  }
}
