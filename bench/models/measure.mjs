// One model, in a process of its own: code that has run other models is slower. Started by models.mjs with a job as JSON.
import { thresholdsOf } from '../../dist/loop/site-thresholds.js';
import { decodeModel } from '../../dist/onnx/model-file.js';
import { HISTOGRAMS_OUTPUT } from '../../dist/onnx/names.js';
import { observed } from '../../dist/onnx/sparse/observed.js';
import { findKernels } from '../../dist/runtime/local/kernels.js';
import { loadModel } from '../../dist/runtime/local/load-model.js';
import { NativeSession } from '../../dist/runtime/local/native-session.js';
import { OrtSession } from '../../dist/runtime/local/ort-session.js';
import { thresholdInput } from '../../dist/runtime/local/session.js';
import { recordedInputs } from '../../dist/tools/inputs/recorded-inputs.js';
import { present } from '../present.mjs';
import { alternate } from './arms.mjs';
import { planFor } from './plan.mjs';
import { thresholdWithin } from './threshold.mjs';

/**
 * @typedef {import('../../dist/protocol/types.js').Tensor} Tensor
 * @typedef {import('../../dist/runtime/local/session.js').Session} Session
 */

/** Requests of each size, one after the other. */
const REQUESTS = 8;
/** A threshold so small that nothing but zeros is below it. */
const ZEROS_ONLY = 2 ** -126;

/** @type {import('./row.ts').Job} */
const {
  name,
  model: path,
  inputs,
  sizes,
  held,
  rounds,
  milliseconds,
  threads,
  scheme,
} = JSON.parse(present(process.argv[2]));
const say = (/** @type {string} */ text) => process.stderr.write(`${name}: ${text}\n`);

const model = await loadModel(path, { scheme });
const recorded = await recordedInputs(model.signature, { model: path, inputs });
const kernels = await findKernels('auto');
if (typeof kernels === 'object') throw new Error(kernels.reason);
const setup = { ...model.setup, intraOpThreads: threads, kernels };
const outputs = model.signature.outputs.map((output) => output.name);

say('looking for its threshold');
const first = await thresholdWithin(model, recorded, held);
const batches = [];
for (const rows of sizes) batches.push(await atBatch(rows));
const { measure, zeroRatio } = first;
console.log(JSON.stringify({ name, measure, zeroRatio, batches }));

/** @param {number} rows @returns {Promise<import('./row.ts').AtBatch>} */
async function atBatch(rows) {
  const requests = Array.from({ length: REQUESTS }, (_, i) => {
    const from = (i * rows) % Math.max(1, recorded.count - rows + 1);
    return recorded.batch(from, from + rows);
  });
  const lossless = await planned(requests, rows, ZEROS_ONLY, null);
  const pruned = first.threshold === null ? null : await prunedAt(requests, rows, first.threshold);

  const plain = await OrtSession.open(model.setup.plain, setup);
  const bound = NativeSession.open(model.setup.plain, setup);
  const observable = model.setup.observable ?? [];
  const watched = NativeSession.open(observed(decodeModel(model.setup.plain.slice()), observable), setup);
  const sparse = [lossless, pruned?.plan].map((made) =>
    made?.model === undefined ? null : NativeSession.open(made.model, setup),
  );
  const thresholds = [0, pruned?.found.threshold ?? 0].map((at) =>
    thresholdsOf(at, model.sites.length, pruned?.gated),
  );
  say(`batch ${rows}: timing`);
  const [plainUs, bindingUs, observedUs, ...rest] = await alternate(
    [
      answering(plain, requests),
      answering(bound, requests),
      answering(watched, requests, undefined, [HISTOGRAMS_OUTPUT]),
      ...sparse.flatMap((session, i) =>
        session === null ? [] : [answering(session, requests, thresholds[i])],
      ),
    ],
    { requests: REQUESTS, rounds, milliseconds },
  );
  const skipped = sparse.map((session) => session?.takeMacsSkipped() ?? 0);
  await Promise.all([plain, bound, watched, ...sparse].map((session) => session?.release()));
  const served = sparse.map((session) => present(session === null ? bindingUs : rest.shift()));
  return {
    rows,
    plainUs: present(plainUs),
    bindingUs: present(bindingUs),
    observedUs: present(observedUs),
    lossless: summary(lossless, present(served[0]), present(skipped[0])),
    pruned:
      pruned === null
        ? null
        : {
            ...summary(pruned.plan, present(served[1]), present(skipped[1])),
            threshold: pruned.found.threshold,
            sparsity: pruned.found.sparsity,
            loss: pruned.found.loss,
            gatedSites: (pruned.gated ?? model.sites).filter(Boolean).length,
            sites: model.sites.length,
          },
  };
}

/** @param {readonly (readonly Tensor[])[]} requests @param {number} rows @param {number} threshold @param {readonly boolean[] | null} gated */
function planned(requests, rows, threshold, gated) {
  say(`batch ${rows}: planning for τ = ${threshold === ZEROS_ONLY ? 0 : threshold.toPrecision(3)}`);
  return planFor({ model, scheme, kernels: setup.kernels, threads }, requests, threshold, gated);
}

/** As a server does: where the first plan leaves out sites, the others get a threshold of their own, and a plan for it. @param {readonly (readonly Tensor[])[]} requests @param {number} rows @param {number} threshold */
async function prunedAt(requests, rows, threshold) {
  const plan = await planned(requests, rows, threshold, null);
  const gated =
    plan.model === undefined || plan.plan.kind !== 'measured'
      ? undefined
      : plan.plan.gatedBy.map((by) => by !== 'none');
  if (gated === undefined || gated.every(Boolean)) return { found: first, plan, gated };
  say(`batch ${rows}: looking for the threshold of ${gated.filter(Boolean).length} of ${gated.length} sites`);
  const found = await thresholdWithin(model, recorded, held, gated);
  if (found.threshold === null) return { found: first, plan, gated };
  return { found, plan: await planned(requests, rows, found.threshold, gated), gated };
}

/** @param {Session} session @param {readonly (readonly Tensor[])[]} requests @param {Float32Array} [thresholds] - shape [sites]. @param {readonly string[]} [more] - outputs beside the answers. */
function answering(session, requests, thresholds, more = []) {
  const gates = thresholds === undefined ? [] : [thresholdInput(thresholds)];
  const given = requests.map((request) => [...request, ...gates]);
  return async () => {
    for (const request of given) await session.run(request, [...outputs, ...more]);
  };
}

/** @param {import('./plan.mjs').Planned} planned @param {import('./arms.mjs').Times} us @param {number} macsSkipped @returns {import('./row.ts').Sparse} */
function summary({ plan, model: rewritten }, us, macsSkipped) {
  if (plan.kind !== 'measured') return { sparseLayers: 0, layers: 0, planned: null, macsSkipped, us };
  const sparse = plan.layers.filter(({ isSparse }) => isSparse).length;
  return {
    sparseLayers: rewritten === undefined ? 0 : sparse,
    layers: plan.layers.length,
    planned: present(plan.buckets[0]).speedup,
    macsSkipped,
    us,
  };
}
