import { xorshift } from '../../src/drift/xorshift.ts';

/** Choices that one seed decides. */
export class Dice {
  readonly #next: () => number;

  constructor(seed: number) {
    this.#next = xorshift(seed);
    for (let i = 0; i < 8; i++) this.#next();
  }

  /** A whole number of [0, count). */
  below(count: number): number {
    return Math.floor(this.#next() * count);
  }

  chance(probability: number): boolean {
    return this.#next() < probability;
  }

  pick<T>(choices: readonly T[]): T {
    return choices[this.below(choices.length)]!;
  }

  bytes(length: number): Uint8Array {
    return Uint8Array.from({ length }, () => this.below(256));
  }
}
