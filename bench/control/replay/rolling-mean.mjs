/** The mean of the latest values, and its largest over all full windows. O(1) per value. */
export class RollingMean {
  #values;
  #sum = 0;
  #seen = 0;
  /** Largest mean of a full window since the last reset; 0 before the first. */
  worst = 0;

  /** @param {number} size */
  constructor(size) {
    this.#values = new Float64Array(size);
  }

  /** @param {number} value */
  add(value) {
    const at = this.#seen % this.#values.length;
    this.#sum += value - (this.#values[at] ?? 0);
    this.#values[at] = value;
    this.#seen++;
    // Summing afresh once a round keeps rounding errors from piling up.
    if (at === this.#values.length - 1) this.#sum = this.#values.reduce((a, b) => a + b, 0);
    if (this.#seen >= this.#values.length) this.worst = Math.max(this.worst, this.mean);
  }

  get mean() {
    return this.#sum / Math.min(this.#seen, this.#values.length);
  }

  /** Forgets the worst, keeps the window. */
  restart() {
    this.worst = 0;
  }
}
