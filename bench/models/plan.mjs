// The layers that the server's own planner makes sparse for requests of one size.
import { SparsePlanner } from '../../dist/models/served/sparse-planner.js';

/**
 * @typedef {import('../../dist/runtime/local/load-model.js').LoadedModel} LoadedModel
 * @typedef {import('../../dist/protocol/types.js').Tensor} Tensor
 *
 * @typedef {object} Setting
 * @property {LoadedModel} model
 * @property {import('../../dist/config/site-schemes.js').SiteScheme} scheme
 * @property {import('../../dist/runtime/local/kernels.js').Kernels} kernels
 * @property {number} threads - of each session.
 *
 * @typedef {object} Planned
 * @property {import('../../dist/models/served/sparse-planner.js').Plan} plan
 * @property {Uint8Array | undefined} model - rewritten; undefined: the plain model is served.
 */

/** @param {Setting} setting @param {readonly (readonly Tensor[])[]} requests - of one size. @param {number} threshold - above 0. @param {readonly boolean[] | null} gated - sites that are pruned; null: the planner may leave out sites. @returns {Promise<Planned>} */
export function planFor({ model, scheme, kernels, threads }, requests, threshold, gated) {
  return new Promise((resolve) => {
    const planner = new SparsePlanner({
      setup: { ...model.setup, intraOpThreads: threads, sites: { scheme }, kernels },
      outputs: model.signature.outputs.map(({ name }) => name),
      gatedSites: () => gated,
      sites: model.sites.length,
      runtime: { pending: 0 },
      onPlan: (plan, rewritten) => {
        planner.close();
        resolve({ plan, model: rewritten });
      },
    });
    planner.setTarget(threshold);
    for (const request of requests) planner.addSample(request);
  });
}
