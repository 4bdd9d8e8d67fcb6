/** Time constant of the exponential average, in requests. */
const REQUESTS = 500;

/** Share of multiplications skipped in the layers that skip zeros, averaged over the latest requests, weighted by rows. */
export class SkippedWork {
  #skipped = 0;
  #rows = 0;

  /** @param share - share of a request's multiplications that was skipped, 0–1. */
  add(rows: number, share: number): void {
    this.#skipped += (rows * share - this.#skipped) / REQUESTS;
    this.#rows += (rows - this.#rows) / REQUESTS;
  }

  /** 0–1; 0 before the first request. */
  get ratio(): number {
    return this.#rows === 0 ? 0 : this.#skipped / this.#rows;
  }
}
