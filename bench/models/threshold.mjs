// The threshold that a model may be served at: the largest of the ladder whose loss, on held-out inputs, is within the objective.
import { availableParallelism } from 'node:os';
import { mergeAll, zeroRatio } from '../../dist/estimator/histogram.js';
import { WorkerRuntime } from '../../dist/runtime/local/worker-runtime.js';
import { answerMeasure } from '../../dist/tools/analyze/answer-measure.js';
import { densePass, siteHistograms } from '../../dist/tools/analyze/dense-pass.js';
import { objectiveLosses } from '../../dist/tools/analyze/objective-pass.js';
import { IN_FLIGHT_PER_WORKER } from '../../dist/tools/analyze/passes.js';
import { schedule } from '../../dist/tools/analyze/schedule.js';

/**
 * @typedef {import('../../dist/runtime/local/load-model.js').LoadedModel} LoadedModel
 * @typedef {import('../../dist/tools/inputs/input-rows.js').InputRows} InputRows
 *
 * @typedef {object} Found
 * @property {string} measure - how answers are judged.
 * @property {number} zeroRatio - share of the activations at the sites that are zero without pruning.
 * @property {number | null} threshold - null: no threshold of the ladder keeps the objective, or the measure is vacuous.
 * @property {number} sparsity - share of the other activations that are below it.
 * @property {number} loss - mean loss there, 0–1.
 */

const BATCH = 32;

/** @param {LoadedModel} model @param {InputRows} recorded @param {number} most - rows to look at. @param {readonly boolean[]} [gated] - sites that are pruned; all by default. @returns {Promise<Found>} */
export async function thresholdWithin(model, recorded, most, gated) {
  const count = Math.min(most, recorded.count);
  const workers = availableParallelism();
  const runtime = await WorkerRuntime.start(
    { ...model.setup, intraOpThreads: 1 },
    { workers, maxQueue: 1, maxShadowQueue: workers * IN_FLIGHT_PER_WORKER },
  );
  try {
    /** @type {import('../../dist/tools/analyze/passes.js').Passes} */
    const passes = {
      runtime,
      rows: recorded,
      batches: schedule(count, BATCH, undefined),
      sites: model.sites.length,
      outputs: model.signature.outputs.map(({ name }) => name),
    };
    const objective = await answerMeasure(passes, model.softmaxOutputs);
    const dense = await densePass({ ...passes, outputs: [] }, [], () => undefined);
    const { within } = await objectiveLosses(passes, dense, objective, null, { gated });
    return {
      measure: objective.measure,
      zeroRatio: zeroRatio(mergeAll(siteHistograms(dense))),
      threshold: within?.threshold ?? null,
      sparsity: within?.sparsity ?? 0,
      loss: within?.loss ?? 0,
    };
  } finally {
    await runtime.close();
  }
}
