// An entry of the zoo, opened: its workers, its recorded inputs, and passes over parts of them.
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { loadModel } from '../../../dist/runtime/local/load-model.js';
import { WorkerRuntime } from '../../../dist/runtime/local/worker-runtime.js';
import { recordedLabels } from '../../../dist/tools/analyze/labels.js';
import { IN_FLIGHT_PER_WORKER } from '../../../dist/tools/analyze/passes.js';
import { schedule } from '../../../dist/tools/analyze/schedule.js';
import { recordedInputs } from '../../../dist/tools/inputs/recorded-inputs.js';

import { present } from '../../present.mjs';

const ROOT = new URL('../../../', import.meta.url);
const BATCH = 32;
/** Rows that thresholds are estimated and accuracies are measured on. */
export const ROWS = 1000;

/**
 * @typedef {Awaited<ReturnType<typeof open>>} Opened
 * @typedef {import('../../../dist/tools/analyze/passes.js').Passes} Passes
 */

/** Opens an entry of zoo.json; `close()` ends its workers. @param {import('../entries.mjs').Entry} entry @param {import('../../../dist/config/site-schemes.js').SiteScheme} [scheme] */
export async function open(entry, scheme = 'activations') {
  const path = (/** @type {string} */ file) => fileURLToPath(new URL(file, ROOT));
  const model = await loadModel(path(entry.model), { scheme });
  const inputs = Object.entries(entry.inputs).map(([name, file]) => `${name}=${path(file)}`);
  const source = { model: entry.model, inputs, labels: path(entry.labels) };
  const recorded = await recordedInputs(model.signature, source);
  const labels = await recordedLabels(recorded.count, source);
  const workers = availableParallelism();
  const runtime = await WorkerRuntime.start(
    { ...model.setup, intraOpThreads: 1 },
    { workers, maxQueue: 1, maxShadowQueue: workers * IN_FLIGHT_PER_WORKER },
  );
  return {
    sites: model.sites,
    rows: recorded.count,
    labels: present(labels),
    /** Passes over rows [from, to). @type {(from: number, to: number, options?: { batch?: number, outputs?: string[] }) => Passes} */
    passes: (from, to, { batch = BATCH, outputs = ['logits'] } = {}) => ({
      runtime,
      rows: { count: to - from, batch: (a, b) => recorded.batch(from + a, from + b) },
      batches: schedule(to - from, batch, undefined),
      sites: model.sites.length,
      poles: model.sites.map(({ pole }) => pole),
      outputs,
    }),
    close: () => runtime.close(),
  };
}
