import type { DriftReference } from '../../drift/detector.ts';
import type { Objective } from '../guard/objective.ts';
import type { KeptPlan } from './kept-plan.ts';
import type { ControllerState } from './state.ts';

/** Where a loop goes on from: all that it knows beyond its window. */
export interface ResumePoint {
  readonly state: ControllerState;
  /** What drift is measured from. */
  readonly reference: DriftReference | null;
  /** So many requests of a stream in a row count as one; absent: not known. */
  readonly blockRequests?: number;
  /** How answers are judged; null or absent: not decided. */
  readonly objective?: Objective | null;
  /** Which layers skip zeros; null or absent: not planned. */
  readonly plan?: KeptPlan | null;
}
