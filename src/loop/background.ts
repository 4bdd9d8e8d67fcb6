import type { Steps } from '../drift/steps.ts';

/**
 * Work that is done between other events: steps for so many milliseconds a turn of the event loop, then what waits there.
 *
 * The result does not depend on where it pauses.
 */
export class Background<T> {
  readonly #steps: Steps<T>;
  readonly #msPerTurn: number;
  #turn: NodeJS.Immediate | undefined;
  #outcome: { readonly value: T } | { readonly error: unknown } | null = null;

  constructor(steps: Steps<T>, msPerTurn: number) {
    this.#steps = steps;
    this.#msPerTurn = msPerTurn;
    this.#later();
  }

  /** Null as long as steps are left, and when one threw. */
  get value(): T | null {
    return this.#outcome !== null && 'value' in this.#outcome ? this.#outcome.value : null;
  }

  /** The result, now: what is left of the work is done first. @throws what a step threw. */
  finish(): T {
    this.#run(Number.POSITIVE_INFINITY);
    const outcome = this.#outcome!;
    if ('error' in outcome) throw outcome.error;
    return outcome.value;
  }

  /** Gives up what is left. */
  close(): void {
    clearImmediate(this.#turn);
  }

  #later(): void {
    this.#turn = setImmediate(() => {
      this.#run(performance.now() + this.#msPerTurn);
      if (this.#outcome === null) this.#later();
    });
  }

  #run(until: number): void {
    try {
      while (this.#outcome === null && performance.now() < until) {
        const step = this.#steps.next();
        if (step.done) this.#outcome = { value: step.value };
      }
    } catch (error) {
      this.#outcome = { error };
    }
    if (this.#outcome !== null) clearImmediate(this.#turn);
  }
}
