/** Turns of some work, never two at a time: what is asked for during one is done in one more. */
export class Turns {
  readonly #work: (isUrgent: boolean) => Promise<void>;
  readonly #onEnd: (error?: unknown) => void;
  #isUnderWay = false;
  #isAgain = false;
  #isUrgent = false;

  /**
   * @param work - one turn, and whether somebody waits for it.
   * @param onEnd - called when there is no more to do, or with what a turn has thrown.
   */
  constructor(work: (isUrgent: boolean) => Promise<void>, onEnd: (error?: unknown) => void) {
    this.#work = work;
    this.#onEnd = onEnd;
  }

  /** The next turn, or the one that is taken at once, is urgent. */
  hurry(): void {
    this.#isUrgent = true;
  }

  /** Resolves when there is no more to do; at once where a turn is under way. Never throws. */
  async take(): Promise<void> {
    if (this.#isUnderWay) {
      this.#isAgain = true;
      return;
    }
    this.#isUnderWay = true;
    let thrown: unknown;
    try {
      do {
        this.#isAgain = false;
        const isUrgent = this.#isUrgent;
        this.#isUrgent = false;
        await this.#work(isUrgent);
      } while (this.#isAgain);
    } catch (error) {
      thrown = error;
    }
    this.#isUnderWay = false;
    this.#onEnd(thrown);
  }
}
