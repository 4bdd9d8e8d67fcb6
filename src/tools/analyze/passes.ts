import { ServingError } from '../../config/errors.ts';
import type { Measure } from '../../runtime/measure.ts';
import type { Runtime, ShadowResult } from '../../runtime/runtime.ts';
import type { InputRows } from '../inputs/input-rows.ts';
import type { Batch } from './schedule.ts';

/** What every pass over the recorded rows needs. */
export interface Passes {
  readonly runtime: Runtime;
  readonly rows: InputRows;
  readonly batches: readonly Batch[];
  readonly sites: number;
  /** The output with the class scores, when there is one. */
  readonly outputs: readonly string[];
}

/** Runs per worker that are prepared or under way at any time; the shadow queue must hold that many. */
export const IN_FLIGHT_PER_WORKER = 2;

/**
 * Runs all rows once, with one threshold for every site or one for each. Results arrive in any order. There is nothing to
 * run when the model has neither sites nor class scores.
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
  const waiting = batches[Symbol.iterator]();
  const lane = async (): Promise<void> => {
    for (const batch of waiting) {
      const inputs = rows.batch(batch.from, batch.to);
      const result = await runtime.shadow({ inputs, outputs, thresholds, measure });
      if (result === 'dropped') throw new ServingError('UNAVAILABLE', 'a run of the analysis was dropped');
      onResult(result, batch);
    }
  };
  await Promise.all(Array.from({ length: runtime.busy.workers * IN_FLIGHT_PER_WORKER }, lane));
}
