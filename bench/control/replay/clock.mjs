// Time of the replay, which passes when somebody says so.

/** @typedef {import('../../../dist/loop/clock.js').Clock} Clock */

/** @implements {Clock} */
export class VirtualClock {
  #wallMs = Date.UTC(2026, 0, 1);
  #monotonicMs = 0;

  wallMs = () => Math.floor(this.#wallMs);
  monotonicMs = () => this.#monotonicMs;

  /** @param {number} ms */
  advance(ms) {
    this.#wallMs += ms;
    this.#monotonicMs += ms;
  }

  /** Somebody sets the wall clock. @param {number} ms */
  jump(ms) {
    this.#wallMs += ms;
  }
}
