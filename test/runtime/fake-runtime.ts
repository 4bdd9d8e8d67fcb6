import { ServingError } from '../../src/config/errors.ts';
import type { Tensor } from '../../src/protocol/types.ts';
import type { Run, RunResult, Runtime } from '../../src/runtime/runtime.ts';

/** Answers one run's inputs. */
export type Model = (run: Run) => readonly Tensor[];

/** Runs a function, one run after the other, each when `step` is called: time is what the test makes of it. */
export class FakeRuntime implements Runtime {
  readonly runs: Run[] = [];
  readonly #model: Model;
  readonly #waiting: (() => void)[] = [];
  isReady = true;
  readonly waiting = 0;
  readonly busy = { productionMs: 0, shadowMs: 0, workers: 1 };

  constructor(model: Model) {
    this.#model = model;
  }

  get pending(): number {
    return this.#waiting.length;
  }

  run(run: Run): Promise<RunResult> {
    this.runs.push(run);
    return new Promise((resolve, reject) => {
      this.#waiting.push(() => {
        try {
          resolve({ outputs: this.#model(run), queueMs: 0, inferMs: 1 });
        } catch (error) {
          reject(error);
        }
      });
    });
  }

  /** Finishes the oldest run, and lets its answer arrive. */
  async step(): Promise<void> {
    this.#waiting.shift()?.();
    await new Promise((resolve) => setImmediate(resolve));
  }

  /** Finishes everything there is, and what comes of it. */
  async finish(): Promise<void> {
    do await this.step();
    while (this.#waiting.length > 0);
  }

  async shadow() {
    return 'dropped' as const;
  }

  prepare(): void {}

  async close(): Promise<void> {
    this.isReady = false;
  }
}

/** y = 2x, row by row; a row that begins with a negative number is refused, and so is its whole run. */
export const doubling: Model = ({ inputs }) =>
  inputs.map((input) => {
    const elements = Float32Array.from(input.elements as Float32Array, (value) => 2 * value);
    if (elements.some((value) => value < 0)) throw new ServingError('INVALID_REQUEST', 'a negative number');
    return { ...input, name: 'y', elements };
  });
