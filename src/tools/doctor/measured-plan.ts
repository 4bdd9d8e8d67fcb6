import { type Plan, SparsePlanner } from '../../models/served/sparse-planner.ts';
import type { SiteOptions } from '../../onnx/sites.ts';
import type { Kernels } from '../../runtime/local/kernels.ts';
import type { LoadedModel } from '../../runtime/local/load-model.ts';
import type { InputRows } from '../inputs/input-rows.ts';

export interface MeasuredPlanOptions {
  readonly loaded: LoadedModel;
  readonly sites: SiteOptions;
  readonly kernels: Kernels;
  readonly rows: InputRows;
  /** 0: nothing but exact zeros. */
  readonly threshold: number;
  /** Rows per request. */
  readonly batches: readonly number[];
}

/** Requests that are timed, of each size. */
const REQUESTS = 8;
/** Where no threshold is known, one so small that nothing but zeros is below it. */
const ZEROS_ONLY = 2 ** -126;

/** The layers that a server would make sparse, timed by its own planner on one thread, with recorded requests. */
export function measuredPlan(options: MeasuredPlanOptions): Promise<Plan> {
  const { loaded, sites, kernels, rows, threshold, batches } = options;
  return new Promise((resolve) => {
    const planner = new SparsePlanner({
      setup: { ...loaded.setup, intraOpThreads: 1, sites, kernels },
      outputs: loaded.signature.outputs.map(({ name }) => name),
      gatedSites: () => null,
      sites: loaded.sites.length,
      runtime: { pending: 0 },
      onPlan: (made) => {
        planner.close();
        resolve(made);
      },
    });
    planner.setTarget(threshold || ZEROS_ONLY);
    for (const size of batches)
      for (let i = 0; i < REQUESTS; i++) {
        const from = (i * size) % Math.max(1, rows.count - size + 1);
        planner.addSample(rows.batch(from, Math.min(rows.count, from + size)));
      }
  });
}
