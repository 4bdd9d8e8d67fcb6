// A runtime as a control loop in virtual time sees it: runs are real, and take the time that they are given.
import { setImmediate } from 'node:timers/promises';

/**
 * @typedef {import('../../dist/runtime/runtime.js').Runtime} Runtime
 * @typedef {import('../../dist/runtime/runtime.js').Run} Run
 * @typedef {import('../../dist/runtime/runtime.js').ShadowRun} ShadowRun
 * @typedef {import('../../dist/runtime/runtime.js').ShadowResult} ShadowResult
 */

/** Virtual milliseconds of worker time that any run takes. */
const RUN_MS = 1;
/** Share of the virtual worker's time that production takes. */
const LOAD = 0.2;
/** Turns of the event loop in which whoever waited for a run asks for its next one. */
const TURNS = 2;

/**
 * Runs one shadow run after the other, in the order in which they are asked for: who is quicker changes nothing.
 *
 * @implements {Pick<Runtime, 'shadow' | 'busy'>}
 */
export class PacedRuntime {
  busy = { productionMs: 0, shadowMs: 0, workers: 1 };
  /** Runs of production, and of the loop. */
  runs = 0;
  #runtime;
  /** @type {Promise<unknown>} */
  #latest = Promise.resolve();

  /** @param {Pick<Runtime, 'run' | 'shadow'>} runtime */
  constructor(runtime) {
    this.#runtime = runtime;
  }

  /** Time passes for production. @param {number} ms */
  advance(ms) {
    this.busy.productionMs += LOAD * ms;
  }

  /** A run of production. @param {Run} run */
  async run(run) {
    this.runs++;
    const { outputs, denseInstead } = await this.#runtime.run({ ...run, keepInputs: true });
    if (denseInstead !== undefined) throw new Error(`a pruned answer is missing: ${denseInstead.missing}`);
    return outputs;
  }

  /** @param {ShadowRun} run @returns {Promise<ShadowResult>} */
  shadow(run) {
    this.runs++;
    this.busy.shadowMs += RUN_MS;
    const result = this.#latest.then(() => this.#shadow(run));
    this.#latest = result.then(
      async () => {
        for (let turn = 0; turn < TURNS; turn++) await setImmediate();
      },
      () => {},
    );
    return result;
  }

  /** @param {ShadowRun} run @returns {Promise<ShadowResult>} */
  async #shadow(run) {
    const result = await this.#runtime.shadow({ ...run, keepInputs: true });
    if (result === 'dropped') throw new Error('a shadow run was dropped, though nothing else ran');
    return { ...result, queueMs: 0, inferMs: RUN_MS, measureMs: 0, workerMs: RUN_MS };
  }
}
