// One recording, ready to be replayed, with the truth about every answer in it.
import { DEFAULT_SCHEME } from '../../../dist/config/site-schemes.js';
import { present } from '../../present.mjs';
import { argmax, denseAnswers, LOSSES } from '../objectives/losses.mjs';
import { packedTotals, unpacked } from '../recording/histograms.mjs';
import { recording, sitesOf } from '../recording/store.mjs';

/**
 * @typedef {import('../../../dist/estimator/histogram.js').ActivationHistogram} ActivationHistogram
 * @typedef {import('../recording/store.mjs').SiteScheme} SiteScheme
 * @typedef {'top1' | 'margin' | 'cosine' | 'accuracy'} Truth
 */

export class Recorded {
  /** @type {Map<string, Recorded>} */
  static #opened = new Map();
  #columns;
  /** @type {Map<number, number>} */
  #indices = new Map();
  /** @type {Map<string, Float32Array>} */
  #losses = new Map();
  #answers;
  #totals;

  /** @param {string} name @param {string} variant @param {SiteScheme} [sites] */
  static of(name, variant, sites = DEFAULT_SCHEME) {
    const key = `${name} ${variant} ${sites}`;
    const known = Recorded.#opened.get(key) ?? new Recorded(name, variant, sites);
    Recorded.#opened.set(key, known);
    return known;
  }

  /** @param {string} name @param {string} variant @param {SiteScheme} sites */
  constructor(name, variant, sites) {
    const { about, columns } = recording(name, variant, sites);
    this.name = name;
    this.variant = variant;
    this.rows = about.rows;
    this.sites = about.sites;
    this.poles = sitesOf(name, sites).map(({ pole }) => pole);
    this.classes = about.classes;
    this.thresholds = columns.thresholds;
    this.labels = columns.labels;
    this.#columns = columns;
    this.#totals = packedTotals(columns);
    this.#answers = denseAnswers({ ...about, ...columns }).answers;
  }

  /** The recorded threshold that stands for τ: the next one up, the last one for what is larger; −1 for dense. @param {number} threshold */
  indexOf(threshold) {
    if (threshold === 0) return -1;
    const known = this.#indices.get(threshold);
    if (known !== undefined) return known;
    const found = this.thresholds.findIndex((t) => Math.fround(t) >= Math.fround(threshold));
    const index = found < 0 ? this.thresholds.length - 1 : found;
    this.#indices.set(threshold, index);
    return index;
  }

  /** Magnitudes at every site, τ = 0. @param {number} row @returns {ActivationHistogram[]} */
  histograms(row) {
    return Array.from({ length: this.sites }, (_, site) => unpacked(this.#columns, row * this.sites + site));
  }

  /** The class scores at a threshold, as the model answers them. @type {(index: number, row: number) => import('../../../dist/protocol/types.js').Tensor[]} */
  outputs(index, row) {
    const elements = index < 0 ? present(this.#answers[row]).dense : this.#scores(index, row);
    return [{ name: 'logits', datatype: 'FP32', shape: [1, this.classes], elements: elements.slice() }];
  }

  /** M and Σ of every site: the input's own N and Σ₀ times what passes on average. @param {number} index @param {number} row */
  retained(index, row) {
    const { shares } = this.#columns;
    const { count, sum } = this.#totals;
    return Array.from({ length: this.sites }, (_, site) => {
      const at = (index * this.sites + site) * 2;
      const own = row * this.sites + site;
      return {
        count: Math.round(present(count[own]) * present(shares[at])),
        sum: present(sum[own]) * present(shares[at + 1]),
      };
    });
  }

  /** What the answers at a threshold lose, row by row; `accuracy` is −1, 0 or 1. @type {(truth: Truth, index: number) => Float32Array} */
  losses(truth, index) {
    const key = `${truth} ${index}`;
    const known = this.#losses.get(key) ?? this.#lossesAt(truth, index);
    this.#losses.set(key, known);
    return known;
  }

  /** @type {(truth: Truth, index: number) => Float32Array} */
  #lossesAt(truth, index) {
    if (index < 0) return new Float32Array(this.rows);
    return Float32Array.from({ length: this.rows }, (_, row) => {
      const answer = present(this.#answers[row]);
      const scores = this.#scores(index, row);
      const top = argmax(scores);
      if (truth !== 'accuracy') return LOSSES[truth](answer, scores, top);
      return (answer.top === answer.label ? 1 : 0) - (top === answer.label ? 1 : 0);
    });
  }

  /** @type {(index: number, row: number) => Float32Array} */
  #scores(index, row) {
    const at = (index * this.rows + row) * this.classes;
    return this.#columns.pruned.subarray(at, at + this.classes);
  }
}
