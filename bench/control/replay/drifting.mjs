/**
 * A mixture that turns into another: at `progress` 0 all requests come from the first, at 1 all from the second.
 *
 * @typedef {import('./recorded.mjs').Truth} Truth
 * @typedef {import('./traffic.mjs').Mixture} Mixture
 */
export class Drifting {
  progress = 0;
  #from;
  #to;

  /** @param {Mixture} from @param {Mixture} to */
  constructor(from, to) {
    this.#from = from;
    this.#to = to;
  }

  /** @param {() => number} random */
  draw(random) {
    return (random() < this.progress ? this.#to : this.#from).draw(random);
  }

  /** @type {(truth: Truth, threshold: number) => number} */
  rate(truth, threshold) {
    const { progress } = this;
    return (1 - progress) * this.#from.rate(truth, threshold) + progress * this.#to.rate(truth, threshold);
  }

  /** Of where it is heading. @param {number} threshold */
  sparsity(threshold) {
    return this.#to.sparsity(threshold);
  }

  /** Of where it is heading. @type {(truth: Truth, allowed: number) => number} */
  oracle(truth, allowed) {
    return this.#to.oracle(truth, allowed);
  }

  /** Of where it is heading. @type {(truth: Truth, allowed: number) => number} */
  belowFirstBad(truth, allowed) {
    return this.#to.belowFirstBad(truth, allowed);
  }
}
