/** Over so many requests the work that is left out is averaged, each counting less with its age. */
const REQUESTS = 500;

/** How much of the work of the layers that skip zeros is left out, over the latest requests, by rows. */
export class SkippedWork {
  #skipped = 0;
  #rows = 0;

  /** @param share - of a request's multiplications that were left out, 0–1. */
  add(rows: number, share: number): void {
    this.#skipped += (rows * share - this.#skipped) / REQUESTS;
    this.#rows += (rows - this.#rows) / REQUESTS;
  }

  /** 0–1; 0 before the first request. */
  get ratio(): number {
    return this.#rows === 0 ? 0 : this.#skipped / this.#rows;
  }
}
