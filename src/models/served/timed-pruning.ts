import type { KeptPlan } from '../../control/phases/kept-plan.ts';
import type { Tensor } from '../../protocol/types.ts';
import type { Speedup } from '../../sparse/speedup.ts';
import type { Plan } from './sparse-planner.ts';

/** Measures whether pruning saves time, and tells the loop; production is pruned only where it does. */
export interface TimedPruning {
  readonly plan: Plan;
  /** The plan to keep over a restart; null: none. */
  readonly planToKeep: KeptPlan | null;
  /** Whether pruning saves time for a request of `rows` rows; false if it was not measured. */
  savesTime(rows: number): boolean;
  /** Sets the threshold that production is at or ramping up to; 0: none. */
  setTarget(threshold: number): void;
  /** Takes a sampled request. Its memory must not change afterwards. */
  addSample(inputs: readonly Tensor[], rows: number): void;
  /**
   * Time of the plain model ÷ time as served, over all of production. Null: not measured.
   *
   * @param share - pruned share, 0–1, of the requests for which pruning saves time.
   */
  speedup(share: number): Speedup | null;
  close(): void;
}
