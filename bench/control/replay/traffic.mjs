// Where requests come from: a mixture of recordings, and what is true of the whole of it.
import { binOf } from '../../../dist/estimator/bins.js';
import { mergeAll, retainedFrom, tails } from '../../../dist/estimator/histogram.js';
import { present } from '../../present.mjs';
import { Recorded } from './recorded.mjs';

/**
 * @typedef {import('./recorded.mjs').Truth} Truth
 * @typedef {{ variant?: string, row?: string, classes?: readonly number[], weight?: number }} Part
 * @typedef {{ recorded: Recorded, row: number, source: Source, sequence?: string | undefined }} Item
 * `sequence`: which stream a request says that it is of.
 */

/** The inputs of one recording, or those of some classes. */
class Source {
  /** @type {Map<string, number>} */
  #rates = new Map();
  /** @type {import('../../../dist/estimator/histogram.js').Tails | undefined} */
  #tails;

  /** @param {Recorded} recorded @param {readonly number[] | undefined} classes */
  constructor(recorded, classes) {
    this.recorded = recorded;
    this.rows = Array.from({ length: recorded.rows }, (_, i) => i).filter(
      (i) => classes === undefined || classes.includes(present(recorded.labels[i])),
    );
  }

  /** Mean loss of all answers at a threshold. @type {(truth: Truth, index: number) => number} */
  rate(truth, index) {
    const key = `${truth} ${index}`;
    let rate = this.#rates.get(key);
    if (rate === undefined) {
      const losses = this.recorded.losses(truth, index);
      rate = this.rows.reduce((sum, row) => sum + present(losses[row]), 0) / this.rows.length;
      this.#rates.set(key, rate);
    }
    return rate;
  }

  get tails() {
    this.#tails ??= tails(mergeAll(this.rows.flatMap((row) => this.recorded.histograms(row))));
    return this.#tails;
  }
}

/** A mixture that requests are drawn from, with replacement. */
export class Mixture {
  /** @type {Map<number, number>} */
  #sparsities = new Map();

  #rowLength;
  /** @type {Source | undefined} */
  #latest;

  /** @param {string} name - row of the zoo. @param {readonly Part[]} parts @param {number} rowLength - requests in a row that come from the same part, on average. @param {import('./recorded.mjs').SiteScheme} [sites] */
  constructor(name, parts, rowLength = 1, sites) {
    this.#rowLength = rowLength;
    this.sources = parts.map(
      ({ variant = 'base', row = name, classes }) => new Source(Recorded.of(row, variant, sites), classes),
    );
    const total = parts.reduce((sum, { weight = 1 }) => sum + weight, 0);
    this.weights = parts.map(({ weight = 1 }) => weight / total);
  }

  /** The first of the recordings that it mixes. */
  get first() {
    const [source] = this.sources;
    if (source === undefined) throw new RangeError('a mixture has a part');
    return source;
  }

  /** @param {() => number} random @returns {Item} */
  draw(random) {
    const source = this.#rowLength > 1 ? this.#rowGoesOn(random) : this.#choose(random);
    const row = present(source.rows[Math.floor(random() * source.rows.length)]);
    return { recorded: source.recorded, row, source };
  }

  /** @param {() => number} random */
  #rowGoesOn(random) {
    if (this.#latest === undefined || random() * this.#rowLength < 1) this.#latest = this.#choose(random);
    return this.#latest;
  }

  /** @param {() => number} random */
  #choose(random) {
    let u = this.sources.length === 1 ? 0 : random();
    let i = 0;
    while (i < this.sources.length - 1 && u >= present(this.weights[i])) u -= present(this.weights[i++]);
    return present(this.sources[i]);
  }

  /** The mean loss of the whole traffic at a threshold. @type {(truth: Truth, threshold: number) => number} */
  rate(truth, threshold) {
    return this.sources.reduce(
      (sum, source, i) =>
        sum + present(this.weights[i]) * source.rate(truth, source.recorded.indexOf(threshold)),
      0,
    );
  }

  /** β of the whole traffic at a threshold, from unpruned activations. @param {number} threshold */
  sparsity(threshold) {
    if (threshold === 0) return 0;
    const known = this.#sparsities.get(threshold) ?? this.#sparsityAt(threshold);
    this.#sparsities.set(threshold, known);
    return known;
  }

  /** @param {number} threshold */
  #sparsityAt(threshold) {
    const sum = { kept: 0, all: 0 };
    for (const [i, { tails: t, rows }] of this.sources.entries()) {
      const weight = present(this.weights[i]) / rows.length;
      sum.kept += weight * retainedFrom(t, binOf(threshold)).count;
      sum.all += weight * retainedFrom(t, 0).count;
    }
    return 1 - sum.kept / sum.all;
  }

  /** The largest threshold on the grid that loses no more than allowed, found by trying all; 0 when there is none. @type {(truth: Truth, allowed: number) => number} */
  oracle(truth, allowed) {
    const { thresholds } = present(this.sources[0]).recorded;
    return thresholds.findLast((t) => this.rate(truth, t) <= allowed + 1e-9) ?? 0;
  }

  /** The largest threshold on the grid below the first that loses more than allowed; 0 when that is the lowest. @type {(truth: Truth, allowed: number) => number} */
  belowFirstBad(truth, allowed) {
    const { thresholds } = present(this.sources[0]).recorded;
    const bad = thresholds.findIndex((t) => this.rate(truth, t) > allowed + 1e-9);
    return (bad < 0 ? thresholds.at(-1) : thresholds[bad - 1]) ?? 0;
  }
}
