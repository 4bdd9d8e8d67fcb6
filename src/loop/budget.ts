import type { Interest } from '../control/phases/interest.ts';

/** Unspent budget carried over, so that a burst may be sampled after a quiet time. */
const CARRY_OVER_MS = 1000;
/** Unspent budget that is saved for what is urgent. */
const RESERVE_MS = 30_000;
/**
 * Part of the budget that goes into a reserve which is not full. The rest keeps sampling: who looks at nothing until all is
 * saved again is blind just after a surprise.
 */
const SAVED_SHARE = 0.5;
/** Part of the reserve that a mere suspicion leaves to what is urgent. */
const KEPT_SHARE = 0.5;

/** A share of the time of one resource, part of it saved. Times in milliseconds. */
export class Budget {
  readonly #share: number;
  #perMs = 0;
  #spentMs = 0;
  #balanceMs = 0;
  /** The part of the balance that is saved for what is urgent. */
  #savedMs = Number.POSITIVE_INFINITY;

  /** @param share - of the resource's time, 0–1. */
  constructor(share: number) {
    this.#share = share;
  }

  /**
   * What came in, and what was spent.
   *
   * @param elapsedMs - since the last time; undefined: the first time, when the balance is full.
   * @param spentMs - in all so far, ever growing.
   * @param capacity - how many of the resource there are.
   */
  settle(elapsedMs: number | undefined, spentMs: number, capacity: number): void {
    this.#perMs = this.#share * capacity;
    const income = this.#perMs * (elapsedMs ?? CARRY_OVER_MS + RESERVE_MS);
    this.#balanceMs = Math.min(
      this.#balanceMs + income - (spentMs - this.#spentMs),
      this.#perMs * (CARRY_OVER_MS + RESERVE_MS),
    );
    this.#savedMs = Math.min(this.#savedMs + SAVED_SHARE * income, this.#perMs * RESERVE_MS);
    this.#spentMs = spentMs;
  }

  /** Whether what is saved for what is urgent is less than it may be. */
  get isSaving(): boolean {
    return this.#savedMs < this.#perMs * RESERVE_MS;
  }

  /** Whether there is anything left for a request that is wanted so much. */
  pays(interest: Interest): boolean {
    return this.#share >= 1 || this.#balanceMs > this.#floorMs(interest);
  }

  /** One such request is let through: what was saved may become less. */
  spend(interest: Interest): void {
    if (interest === 'urgent' || interest === 'suspect')
      this.#savedMs = Math.min(this.#savedMs, Math.max(0, this.#balanceMs));
  }

  #floorMs(interest: Interest): number {
    if (interest === 'urgent') return 0;
    if (interest === 'suspect') return Math.min(this.#savedMs, KEPT_SHARE * this.#perMs * RESERVE_MS);
    return this.#savedMs;
  }
}
