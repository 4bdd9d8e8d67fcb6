// @ts-check
// A Runtime that answers from recordings, and fails when a scenario says so.

/**
 * @typedef {import('../../../dist/runtime/runtime.js').ShadowRun} ShadowRun
 * @typedef {import('../../../dist/runtime/runtime.js').ShadowResult} ShadowResult
 * @typedef {import('./traffic.mjs').Item} Item
 * @typedef {import('../../../dist/protocol/types.js').Tensor & { item: Item }} ItemTensor
 */

/** The item as the input of a run. @param {Item} item @returns {ItemTensor[]} */
export function inputsOf(item) {
  return [{ name: 'item', datatype: 'FP32', shape: [1], elements: Float32Array.of(item.row), item }];
}

/** Milliseconds of worker time that a shadow run is taken to need; what the sampler's budget is spent on. */
const RUN_MS = 1;

export class RecordedRuntime {
  isReady = true;
  pending = 0;
  busy = { productionMs: 0, shadowMs: 0, workers: 1 };
  /** Share of shadow runs that fail. */
  failureRatio = 0;
  /** The gates prune at this threshold whatever they are told, unless they are told 0. @type {number | null} */
  stuckAt = null;
  #random;

  /** @param {() => number} random */
  constructor(random) {
    this.#random = random;
  }

  /** The recorded threshold that an answer is really computed at. @type {(item: Item, threshold: number) => number} */
  indexFor(item, threshold) {
    return item.recorded.indexOf(threshold === 0 ? 0 : (this.stuckAt ?? threshold));
  }

  /** @param {ShadowRun} run @returns {Promise<ShadowResult | 'dropped'>} */
  async shadow({ inputs, thresholds, measure }) {
    this.busy.shadowMs += RUN_MS;
    const { item } = /** @type {ItemTensor} */ (inputs[0]);
    if (this.failureRatio > 0 && this.#random() < this.failureRatio) throw new Error('a run that fails');
    const { recorded, row } = item;
    const index = this.indexFor(item, thresholds[0]);
    return {
      outputs: recorded.outputs(index, row),
      histograms: measure === 'histogram' ? recorded.histograms(row) : [],
      retained: measure === 'retained' ? recorded.retained(index, row) : [],
      queueMs: 0,
      inferMs: 0,
      measureMs: 0,
    };
  }

  /** @returns {Promise<never>} */
  async run() {
    throw new Error('production answers are read from the recording');
  }

  prepare() {}

  async close() {}
}
