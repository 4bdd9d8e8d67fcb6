/** Unspent time carried over, in milliseconds per unit of the resource. */
const CARRY_OVER_MS = 50;

/** A share of the time that a resource is idle. Times in milliseconds. */
export class IdleShare {
  readonly #share: number;
  #balanceMs = 0;
  #lastMs: number | undefined;
  #busyMs = 0;

  /** @param share - of the idle time, 0–1. */
  constructor(share: number) {
    this.#share = share;
  }

  /**
   * Whether there is time left.
   *
   * @param nowMs - of a clock that only goes forward.
   * @param busyMs - of the resource with other things in all so far, ever growing.
   * @param capacity - how many of the resource there are.
   */
  pays(nowMs: number, busyMs: number, capacity: number): boolean {
    const elapsedMs = this.#lastMs === undefined ? 0 : Math.max(0, nowMs - this.#lastMs);
    const idleMs = Math.max(0, capacity * elapsedMs - (busyMs - this.#busyMs));
    this.#balanceMs = Math.min(this.#balanceMs + this.#share * idleMs, CARRY_OVER_MS * capacity);
    this.#lastMs = nowMs;
    this.#busyMs = busyMs;
    return this.#share >= 1 || this.#balanceMs > 0;
  }

  spend(ms: number): void {
    this.#balanceMs -= ms;
  }
}
