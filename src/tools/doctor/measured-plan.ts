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
  /** Rows per request, where the model and the recording leave it open. */
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
    for (const { from, to } of requestsOf(rows, batches)) planner.addSample(rows.batch(from, to), to - from);
  });
}

/** Rows of the requests that are timed: of each size, or the first ones that were recorded, or as the model takes them. */
function requestsOf(
  { count, runSize }: InputRows,
  batches: readonly number[],
): readonly { readonly from: number; readonly to: number }[] {
  if (runSize?.kind === 'requests') {
    const { ends } = runSize;
    return ends.slice(0, REQUESTS * batches.length).map((to, i) => ({ from: ends[i - 1] ?? 0, to }));
  }
  const sizes = runSize === undefined ? batches : [runSize.rows];
  return sizes.flatMap((size) =>
    Array.from({ length: REQUESTS }, (_, i) => {
      const from = (i * size) % Math.max(1, count - size + 1);
      return { from, to: Math.min(count, from + size) };
    }),
  );
}
