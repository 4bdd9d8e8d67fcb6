import { ServingError } from '../../config/errors.ts';
import type { Tensor } from '../../protocol/types.ts';
import type { Measure } from '../../runtime/measure.ts';
import type { Runtime, ShadowResult } from '../../runtime/runtime.ts';
import type { InputRows } from '../inputs/input-rows.ts';
import { withState } from '../inputs/model-state.ts';
import type { Batch } from './schedule.ts';

/** What every pass over the recorded rows needs. */
export interface Passes {
  readonly runtime: Runtime;
  readonly rows: InputRows;
  readonly batches: readonly Batch[];
  readonly sites: number;
  /** Per site, the magnitude at which its activation function stands still below zero; null: none. */
  readonly poles?: readonly (number | null)[];
  /** The output with the class scores, when there is one. */
  readonly outputs: readonly string[];
}

/** Runs per worker that are prepared or under way at any time; the shadow queue must hold that many. */
export const IN_FLIGHT_PER_WORKER = 2;

/**
 * Runs all rows once, with one threshold for every site or one for each. Results arrive in any order; with recurrent state,
 * one run follows the other. There is nothing to run when the model has neither sites nor class scores.
 *
 * @throws ServingError what the runtime throws.
 */
export async function pass(
  { runtime, rows, batches, sites, outputs }: Passes,
  threshold: number | Float32Array,
  measure: Measure,
  onResult: (result: ShadowResult, batch: Batch) => void,
): Promise<void> {
  if (sites === 0 && outputs.length === 0) return;
  const thresholds = typeof threshold === 'number' ? new Float32Array(sites).fill(threshold) : threshold;
  const { state } = rows;
  const all = [...new Set([...outputs, ...(state?.links.values() ?? [])])];
  const waiting = batches[Symbol.iterator]();
  const lane = async (): Promise<void> => {
    let previous: readonly Tensor[] = [];
    for (const batch of waiting) {
      const own = rows.batch(batch.from, batch.to);
      const inputs = state === undefined ? own : withState(own, state, previous, batch.from);
      const result = await runtime.shadow({ inputs, outputs: all, thresholds, measure });
      if (result === 'dropped') throw new ServingError('UNAVAILABLE', 'a run of the analysis was dropped');
      previous = result.outputs;
      onResult({ ...result, outputs: result.outputs.slice(0, outputs.length) }, batch);
    }
  };
  const lanes = state === undefined ? runtime.busy.workers * IN_FLIGHT_PER_WORKER : 1;
  await Promise.all(Array.from({ length: lanes }, lane));
}

/** Whether the one output of some passes has as many rows as a run; always so for rows along axis 0. */
export async function givesRows(passes: Passes): Promise<boolean> {
  if (passes.rows.runSize === undefined) return true;
  let isSame = true;
  await pass(
    { ...passes, batches: passes.batches.slice(0, 1) },
    0,
    'nothing',
    ({ outputs: [output] }, run) => {
      isSame = output?.shape[0] === run.to - run.from;
    },
  );
  return isSame;
}
