// How long the loop took on the thread that serves, in microseconds: the latest of each kind are kept.
const KEPT = 4096;

/** @typedef {'step' | 'sample' | 'estimate'} Part `step`: one step of the controller; `sample`: all that one sample takes, estimates left out. */

export class Timings {
  /** @type {Record<Part, { ring: Float64Array, seen: number }>} */
  #parts = { step: emptyRing(), sample: emptyRing(), estimate: emptyRing() };

  /** @type {(part: Part, ms: number) => void} */
  add(part, ms) {
    const { ring, seen } = this.#parts[part];
    ring[seen % KEPT] = ms;
    this.#parts[part].seen++;
  }

  /** Microseconds. */
  get summary() {
    const { step, sample, estimate } = this.#parts;
    return { step: quantiles(step), sample: quantiles(sample), estimate: quantiles(estimate) };
  }
}

function emptyRing() {
  return { ring: new Float64Array(KEPT), seen: 0 };
}

/** @param {{ ring: Float64Array, seen: number }} part */
function quantiles({ ring, seen }) {
  const sorted = ring.slice(0, Math.min(seen, KEPT)).sort();
  const at = (/** @type {number} */ q) => 1000 * (sorted[Math.floor(q * (sorted.length - 1))] ?? 0);
  return { median: at(0.5), p99: at(0.99) };
}
