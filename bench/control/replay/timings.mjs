// @ts-check
/** How long the loop took per sampled request, with and without an estimate; a fixed number of them is kept. */
const KEPT = 4096;

export class Timings {
  #steps = new Float64Array(KEPT);
  #estimates = new Float64Array(KEPT);
  #seen = { steps: 0, estimates: 0 };

  /** @param {{ ms: number, estimateMs: number }} told */
  add({ ms, estimateMs }) {
    this.#steps[this.#seen.steps++ % KEPT] = ms - estimateMs;
    if (estimateMs > 0) this.#estimates[this.#seen.estimates++ % KEPT] = estimateMs;
  }

  /** Microseconds. */
  get summary() {
    const { steps, estimates } = this.#seen;
    return {
      step: quantiles(this.#steps.subarray(0, Math.min(steps, KEPT))),
      estimate: quantiles(this.#estimates.subarray(0, Math.min(estimates, KEPT))),
    };
  }
}

/** @param {Float64Array} ms */
function quantiles(ms) {
  const sorted = ms.slice().sort();
  const at = (/** @type {number} */ q) => 1000 * (sorted[Math.floor(q * (sorted.length - 1))] ?? 0);
  return { median: at(0.5), p99: at(0.99) };
}
