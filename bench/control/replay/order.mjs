// In which order inputs come: traffic whose neighbours resemble each other, as that of a camera or of a conversation.
import { summarize } from '../../../dist/estimator/summary.js';
import { present } from '../../present.mjs';

/**
 * @typedef {import('./recorded.mjs').Truth} Truth
 * @typedef {import('./traffic.mjs').Item} Item
 * @typedef {import('./traffic.mjs').Mixture} Mixture
 * @typedef {{ kind: 'runs' | 'rows' | 'walk', length: number, streams?: number, isNamed?: boolean }} Order
 * `runs`: the same input again and again. `rows`: inputs of one class. `walk`: one step to a neighbour at a time, now and then a
 * jump anywhere. `length`: requests between two changes, on average; geometrically distributed. Each input is as frequent as
 * in independent traffic. `streams`: so many of them, each with an order of its own, take turns at random; `isNamed`: a request
 * tells which one it is of.
 */

/** Steps of a walk that stay where they are. */
const REST = 0.5;

/** A mixture in an order. */
export class Ordered {
  #mixture;
  #order;
  /** @type {Stream[]} */
  #streams;

  /** @param {Mixture} mixture - of one part. @param {Order} order */
  constructor(mixture, order) {
    this.#mixture = mixture;
    this.#order = order;
    this.#streams = Array.from({ length: order.streams ?? 1 }, () => new Stream(mixture, order));
  }

  /** @param {() => number} random @returns {Item & { sequence: string | undefined }} */
  draw(random) {
    const index = Math.floor(random() * this.#streams.length);
    const item = present(this.#streams[index]).draw(random);
    return { ...item, sequence: this.#order.isNamed ? `stream-${index}` : undefined };
  }

  /** @type {(truth: Truth, threshold: number) => number} */
  rate(truth, threshold) {
    return this.#mixture.rate(truth, threshold);
  }

  /** @param {number} threshold */
  sparsity(threshold) {
    return this.#mixture.sparsity(threshold);
  }

  /** @type {(truth: Truth, allowed: number) => number} */
  oracle(truth, allowed) {
    return this.#mixture.oracle(truth, allowed);
  }

  /** @type {(truth: Truth, allowed: number) => number} */
  belowFirstBad(truth, allowed) {
    return this.#mixture.belowFirstBad(truth, allowed);
  }
}

/** One order of one stream. */
class Stream {
  #source;
  #order;
  #sorted;
  /** Place of the latest input among the sorted; −1: none came yet. */
  #at = -1;

  /** @param {Mixture} mixture @param {Order} order */
  constructor({ first }, order) {
    this.#source = first;
    this.#order = order;
    this.#sorted = sortedRows(first);
  }

  /** @param {() => number} random @returns {Item} */
  draw(random) {
    const { kind, length } = this.#order;
    const rows = this.#sorted;
    if (this.#at < 0 || random() * length < 1) this.#at = Math.floor(random() * rows.length);
    else if (kind === 'walk' && random() > REST)
      this.#at = (this.#at + (random() < 0.5 ? 1 : rows.length - 1)) % rows.length;
    const { recorded } = this.#source;
    const row = kind === 'rows' ? this.#ofSameClass(random) : present(rows[this.#at]);
    return { recorded, row, source: this.#source };
  }

  /** @param {() => number} random */
  #ofSameClass(random) {
    const { labels } = this.#source.recorded;
    const label = labels[present(this.#sorted[this.#at])];
    const like = this.#sorted.filter((row) => labels[row] === label);
    return present(like[Math.floor(random() * like.length)]);
  }
}

/** @type {WeakMap<object, number[]>} */
const known = new WeakMap();

/** Rows of a source by class, then by the level of the activations at the first site, so that neighbours resemble each other. @param {Mixture['first']} source */
function sortedRows(source) {
  const before = known.get(source);
  if (before !== undefined) return before;
  const { recorded, rows } = source;
  const level = new Map(rows.map((row) => [row, present(summarize(recorded.histograms(row))[0])]));
  const sorted = rows.toSorted(
    (a, b) =>
      present(recorded.labels[a]) - present(recorded.labels[b]) ||
      present(level.get(a)) - present(level.get(b)),
  );
  known.set(source, sorted);
  return sorted;
}
