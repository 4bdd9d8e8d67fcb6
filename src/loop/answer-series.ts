import { seriesCorrelation } from '../estimator/series-correlation.ts';
import type { Tensor } from '../protocol/types.ts';
import { floatsOf, isFloat } from './comparison/answer-rows.ts';

/** Numbers that are kept of an answer. */
const CHANNELS = 8;
/** Elements of one answer that they are made of: what a long answer costs is bounded. */
const MOST_ELEMENTS = 1024;
/** So many answers are compared with each other first, then twice as many, and so on up to the latest so many, half of them new. */
const FIRST = 512;
const LATEST = 4096;
/** The largest of so many estimates counts: answers that happen to be of few scenes show no difference between scenes. */
const ESTIMATES = 3;
/** The same of estimates of fewer answers: they count until there is one of all, and put none of all out. */
const EARLY = 8;
/** Answers that show whether streams take turns. */
const TELLING = 1024;

/**
 * Over how many requests the answers of production resemble each other. Every answer is looked at, sampled or not, so that much
 * shows long before as many samples are taken. O(elements) per answer, and about a millisecond for two thousand of them.
 */
export class AnswerSeries {
  #values: Float64Array | undefined;
  #size = 0;
  #compared = FIRST;
  #ever = 0;
  /** Requests with a name since the latest answer without one. */
  #passed = 0;
  #estimates: number[] = [];
  #early: number[] = [];

  /** So many answers in a row are worth one, as far as is known; at least 1. */
  get time(): number {
    return Math.max(1, ...this.#estimates, ...this.#early);
  }

  /** Whether enough answers were seen to tell: some were, and it will be known soon. */
  get isTelling(): boolean {
    return this.#ever >= TELLING || this.#ever === 0;
  }

  /** Takes in an answer. @returns whether there is another estimate. */
  add(outputs: readonly Tensor[]): boolean {
    this.#values ??= new Float64Array(LATEST * CHANNELS);
    const numbers = this.#values.subarray(this.#size * CHANNELS, (this.#size + 1) * CHANNELS);
    if (!sketch(outputs, numbers)) return false;
    this.#ever++;
    this.#passed = 0;
    if (++this.#size < this.#compared) return false;
    const time = seriesCorrelation(this.#values.subarray(0, this.#size * CHANNELS), CHANNELS);
    const isOfAll = this.#size === LATEST;
    if (isOfAll) {
      this.#size = LATEST / 2;
      this.#values.copyWithin(0, this.#size * CHANNELS);
    }
    this.#compared = Math.min(2 * this.#compared, LATEST);
    if (time === null) return false;
    if (isOfAll) this.#estimates = [...this.#estimates.slice(1 - ESTIMATES), time];
    this.#early = isOfAll ? [] : [...this.#early.slice(1 - EARLY), time];
    return true;
  }

  /** A request had a name. Where all have one, what was known of those without it holds no more. */
  passed(): void {
    if (++this.#passed >= LATEST) this.restart(1);
  }

  /** Production is at another threshold: answers before it are not compared with those after it. */
  begin(): void {
    this.#size = 0;
    this.#compared = FIRST;
  }

  /** Other traffic begins, which the latest estimate may have seen already. @param known - what is known in place of all estimates; null: they are. */
  restart(known: number | null = null): void {
    this.begin();
    if (known !== null) [this.#estimates, this.#early] = [[known], []];
    else if (this.#estimates.length + this.#early.length > 1)
      (this.#early.length > 0 ? this.#early : this.#estimates).pop();
  }
}

/**
 * A sketch of an answer, whose products with others are those of the answers, on average over ways to make it: the mean of its rows,
 * of floats as they are, of whole numbers as of names, each of which is a direction of its own.
 *
 * Source: Charikar, Chen & Farach-Colton 2002, "Finding frequent items in data streams".
 *
 * @param numbers - shape [channels], is written over.
 * @returns false: there is no number in it.
 */
function sketch(outputs: readonly Tensor[], numbers: Float64Array): boolean {
  numbers.fill(0);
  let isSeen = false;
  let left = MOST_ELEMENTS;
  for (const [k, output] of outputs.entries()) {
    const { datatype, shape } = output;
    if (datatype === 'BYTES' || datatype === 'BF16' || left === 0) continue;
    const all = (output.elements as Float32Array).length;
    const width = Math.max(1, all / Math.max(1, shape[0] ?? 1));
    const count = width <= left ? Math.min(all, left - (left % width)) : left;
    left -= count;
    const elements = (output.elements as Float32Array).subarray(0, count);
    const share = Math.min(1, width / count);
    const areNames = !isFloat(output);
    for (const [i, x] of floatsOf({ ...output, elements }).entries()) {
      const place = Math.imul(k + 1, OUTPUT) + (i % width);
      const hash = Math.imul(place + 1 + (areNames ? Math.imul(x, NAMES) : 0), GOLDEN) >>> 0;
      const signed = (hash & SIGN_BIT) === 0 ? share : -share;
      if (Number.isFinite(x)) numbers[hash >>> CHANNEL_SHIFT]! += areNames ? signed : signed * x;
    }
    isSeen ||= count > 0;
  }
  return isSeen;
}

const GOLDEN = 0x9e3779b1;
const NAMES = 0x85ebca6b;
const OUTPUT = 0xc2b2ae35;
const SIGN_BIT = 1 << 20;
/** Leaves the three highest of 32 bits. */
const CHANNEL_SHIFT = 29;
