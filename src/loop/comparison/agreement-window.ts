import type { Unit } from '../../control/guard/blocks.ts';
import type { Comparison } from './agreement.ts';

export interface AgreementReading {
  /** Sampled requests compared. */
  readonly comparisons: number;
  /** Share of their rows that agreed; NaN before the first. */
  readonly ratio: number;
  /** Wilson interval of the ratio at 95 %; requests of one block, which resemble each other, count as one in it. */
  readonly lowerBound: number;
  readonly upperBound: number;
  /** Mean loss of the rows by the objective's measure, 0–1; NaN before the first. */
  readonly loss: number;
  /** Bounds of that at 95 %: 1.96 standard errors between comparisons, and above at least 3 / comparisons; [0, 1] before. */
  readonly lossLowerBound: number;
  readonly lossUpperBound: number;
  /** Mean KL(dense ‖ pruned) of the softmax, nats. */
  readonly kl: number;
  readonly cosine: number;
}

/** Agreement over the latest comparisons at the present threshold. */
export class AgreementWindow {
  readonly #capacity: number;
  #latest: (Comparison & { readonly isFirst: boolean })[] = [];
  /** The latest block of each stream. */
  readonly #blocks = new Map<number, number>();

  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  /** @param unit - what the request counts with; undefined: it counts by itself. */
  add(comparison: Comparison, unit?: Unit): void {
    this.#latest.push({ ...comparison, isFirst: this.#isFirst(unit) });
    if (this.#latest.length > this.#capacity) this.#latest.shift();
  }

  reset(): void {
    this.#latest = [];
    this.#blocks.clear();
  }

  #isFirst(unit: Unit | undefined): boolean {
    if (unit === undefined) return true;
    const isFirst = this.#blocks.get(unit.stream) !== unit.block;
    this.#blocks.delete(unit.stream);
    this.#blocks.set(unit.stream, unit.block);
    if (this.#blocks.size > this.#capacity) this.#blocks.delete(this.#blocks.keys().next().value!);
    return isFirst;
  }

  get reading(): AgreementReading {
    let rows = 0;
    let blocks = 0;
    let agreed = 0;
    let loss = 0;
    let square = 0;
    let kl = 0;
    let cosine = 0;
    for (const c of this.#latest) {
      rows += c.rows;
      if (c.isFirst) blocks++;
      agreed += c.agreed;
      loss += c.loss * c.rows;
      square += c.loss * c.loss * c.rows;
      kl += c.kl * c.rows;
      cosine += c.cosine * c.rows;
    }
    const comparisons = this.#latest.length;
    const share = blocks / Math.max(1, comparisons);
    const [lowerBound, upperBound] = wilson(share * agreed, share * rows);
    return {
      comparisons,
      ratio: agreed / rows,
      lowerBound,
      upperBound,
      loss: loss / rows,
      ...boundsOf(loss / rows, square / rows, blocks),
      kl: kl / rows,
      cosine: cosine / rows,
    };
  }
}

/** Of a mean loss whose mean square is known; nothing seen in n comparisons may still be 3 in n (the rule of three). */
function boundsOf(mean: number, square: number, n: number) {
  if (n === 0) return { lossLowerBound: 0, lossUpperBound: 1 };
  const half = Z * Math.sqrt(Math.max(0, square - mean * mean) / n);
  return {
    lossLowerBound: Math.max(0, mean - half),
    lossUpperBound: Math.min(1, Math.max(mean + half, 3 / n)),
  };
}

/** 95 % of a normal distribution lie within so many standard deviations. */
const Z = 1.959963984540054;

/** Wilson score interval of a share at 95 %; [0, 1] without observations. */
export function wilson(successes: number, trials: number): [number, number] {
  if (trials === 0) return [0, 1];
  const p = successes / trials;
  const centre = p + (Z * Z) / (2 * trials);
  const half = Z * Math.sqrt((p * (1 - p)) / trials + (Z * Z) / (4 * trials * trials));
  const scale = 1 + (Z * Z) / trials;
  return [Math.max(0, (centre - half) / scale), Math.min(1, (centre + half) / scale)];
}
