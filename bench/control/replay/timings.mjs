// @ts-check
/** How long the loop took per sampled request, with and without an estimate; a fixed number of them is kept. */
const KEPT = 4096;

export class Timings {
  #samples = new Float64Array(KEPT);
  #steps = new Float64Array(KEPT);
  #estimates = new Float64Array(KEPT);
  #seen = { steps: 0, samples: 0, estimates: 0 };

  /** @param {{ ms: number, estimateMs: number, stepMs: number }} told */
  add({ ms, estimateMs, stepMs }) {
    this.#steps[this.#seen.steps++ % KEPT] = stepMs;
    this.#samples[this.#seen.samples++ % KEPT] = ms - estimateMs - stepMs;
    if (estimateMs > 0) this.#estimates[this.#seen.estimates++ % KEPT] = estimateMs;
  }

  /** Microseconds. */
  get summary() {
    const { steps, samples, estimates } = this.#seen;
    return {
      /** The controller's own steps for one sampled request. */
      step: quantiles(this.#steps.subarray(0, Math.min(steps, KEPT))),
      /** All that the loop does with one, estimates left out. */
      sample: quantiles(this.#samples.subarray(0, Math.min(samples, KEPT))),
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
