// @ts-check
// Time of the replay: what the code under test reads from Date.now().

export class VirtualClock {
  #real = Date.now;
  #ms = Date.UTC(2026, 0, 1);
  /** Time that no jump touches, as `performance.now()` counts it. */
  monotonicMs = 0;

  install() {
    Date.now = () => this.now;
  }

  uninstall() {
    Date.now = this.#real;
  }

  get now() {
    return Math.floor(this.#ms);
  }

  /** @param {number} ms */
  advance(ms) {
    this.#ms += ms;
    this.monotonicMs += ms;
  }

  /** Somebody sets the wall clock. @param {number} ms */
  jump(ms) {
    this.#ms += ms;
  }
}
