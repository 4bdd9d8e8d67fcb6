// A Runtime that answers from recordings, late or not at all when a scenario says so.

/**
 * @typedef {import('../../../dist/runtime/runtime.js').Runtime} Runtime
 * @typedef {import('../../../dist/runtime/runtime.js').ShadowRun} ShadowRun
 * @typedef {import('../../../dist/runtime/runtime.js').ShadowResult} ShadowResult
 * @typedef {import('./traffic.mjs').Item} Item
 * @typedef {import('../../../dist/protocol/types.js').Tensor} Tensor
 * @typedef {Tensor & { item: Item }} ItemTensor
 */

/** The item as the input of a run. @param {Item} item @returns {ItemTensor[]} */
export function inputsOf(item) {
  return [{ name: 'item', datatype: 'FP32', shape: [1], elements: Float32Array.of(item.row), item }];
}

/** Milliseconds of worker time that a shadow run is taken to need; what the sampler's budget is spent on. */
const RUN_MS = 1;

/** @implements {Pick<Runtime, 'shadow' | 'busy'>} */
export class RecordedRuntime {
  busy = { productionMs: 0, shadowMs: 0, workers: 1 };
  /** Share of its worker's time that production takes. */
  load = 0.5;
  /** Share of shadow runs that fail. */
  failureRatio = 0;
  /** The gates prune at this threshold whatever they are told, unless they are told 0. @type {number | null} */
  stuckAt = null;
  /** What the next dense run waits for. @type {Promise<void>} */
  held = Promise.resolve();
  #random;

  /** @param {() => number} random */
  constructor(random) {
    this.#random = random;
  }

  /** Time passes for production. @param {number} ms */
  advance(ms) {
    this.busy.productionMs += this.load * ms;
  }

  /** What production answers. @type {(item: Item, threshold: number) => readonly Tensor[]} */
  answer({ recorded, row }, threshold) {
    return recorded.outputs(this.#indexFor(recorded, threshold), row);
  }

  /** @param {ShadowRun} run @returns {Promise<ShadowResult | 'dropped'>} */
  async shadow({ inputs, thresholds, measure }) {
    this.busy.shadowMs += RUN_MS;
    const { recorded, row } = /** @type {ItemTensor} */ (inputs[0]).item;
    if (this.failureRatio > 0 && this.#random() < this.failureRatio) throw new Error('a run that fails');
    const index = this.#indexFor(recorded, thresholds?.[0] ?? 0);
    const result = {
      outputs: recorded.outputs(index, row),
      histograms: measure === 'histogram' ? recorded.histograms(row) : [],
      retained: measure === 'retained' ? recorded.retained(index, row) : [],
      queueMs: 0,
      inferMs: RUN_MS,
      measureMs: 0,
      workerMs: RUN_MS,
    };
    if (measure === 'histogram') await this.held;
    return result;
  }

  /** The recorded threshold that an answer is really computed at. @type {(recorded: import('./recorded.mjs').Recorded, threshold: number) => number} */
  #indexFor(recorded, threshold) {
    return recorded.indexOf(threshold === 0 ? 0 : (this.stuckAt ?? threshold));
  }
}
