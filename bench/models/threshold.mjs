// The threshold that a model may be served at: the largest of the ladder whose loss, on held-out inputs, is within the objective.
import { availableParallelism } from 'node:os';
import { ConfigSchema } from '../../dist/config/schema.js';
import { ladderOf } from '../../dist/control/search/ladder.js';
import { criticality } from '../../dist/criticality/critical-point.js';
import { mergeAll, nonzeroCount, zeroRatio } from '../../dist/estimator/histogram.js';
import { compareJudged } from '../../dist/loop/comparison/agreement.js';
import { thresholdsOf } from '../../dist/loop/site-thresholds.js';
import { WorkerRuntime } from '../../dist/runtime/local/worker-runtime.js';
import { answerMeasure } from '../../dist/tools/analyze/answer-measure.js';
import { densePass, siteHistograms } from '../../dist/tools/analyze/dense-pass.js';
import { IN_FLIGHT_PER_WORKER, pass } from '../../dist/tools/analyze/passes.js';
import { schedule } from '../../dist/tools/analyze/schedule.js';
import { present } from '../present.mjs';

/**
 * @typedef {import('../../dist/runtime/local/load-model.js').LoadedModel} LoadedModel
 * @typedef {import('../../dist/tools/inputs/input-rows.js').InputRows} InputRows
 * @typedef {import('../../dist/protocol/types.js').Tensor} Tensor
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
  const { agreement, control } = ConfigSchema.parse({});
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
    const all = mergeAll(siteHistograms(dense));
    const found = nonzeroCount(all) === 0 ? null : criticality(dense.slices);
    const rungs = found === null || objective.vacuous ? [] : ladderOf(found, control.policy).rungs;

    /** @type {Map<number, readonly Tensor[]>} */
    const answers = new Map();
    await pass(passes, 0, 'nothing', ({ outputs }, { from }) => answers.set(from, outputs));
    const lossAt = async (/** @type {number} */ threshold) => {
      const sum = { rows: 0, loss: 0 };
      await pass(
        passes,
        thresholdsOf(threshold, passes.sites, gated),
        'nothing',
        ({ outputs }, { from, to }) => {
          const inputs = recorded.batch(from, to);
          const compared = compareJudged(
            present(answers.get(from)),
            outputs,
            objective.outputs,
            agreement,
            inputs,
          );
          sum.rows += compared?.rows ?? 0;
          sum.loss += (compared?.loss ?? 0) * (compared?.rows ?? 0);
        },
      );
      return sum.loss / sum.rows;
    };
    const best = await lastWithin(rungs, lossAt, 1 - agreement.floor);
    return {
      measure: objective.measure,
      zeroRatio: zeroRatio(all),
      threshold: best?.rung.threshold ?? null,
      sparsity: best?.rung.sparsity ?? 0,
      loss: best?.loss ?? 0,
    };
  } finally {
    await runtime.close();
  }
}

/**
 * The last rung whose loss is allowed, by halving: loss grows with τ.
 *
 * @template {{ readonly threshold: number }} T
 * @param {readonly T[]} rungs - in increasing τ.
 * @param {(threshold: number) => Promise<number>} lossAt
 * @param {number} allowed
 */
async function lastWithin(rungs, lossAt, allowed) {
  let best;
  for (let low = 0, high = rungs.length; low < high; ) {
    const middle = (low + high) >> 1;
    const rung = present(rungs[middle]);
    const loss = await lossAt(rung.threshold);
    if (loss <= allowed) {
      best = { rung, loss };
      low = middle + 1;
    } else high = middle;
  }
  return best;
}
