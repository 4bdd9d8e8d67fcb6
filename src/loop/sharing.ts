import type { ControlEvent } from '../control/phases/event.ts';
import type { ControllerState, ControlOptions } from '../control/phases/state.ts';
import type { SharedPilot } from './pilot-questions.ts';
import type { ShadowSample } from './shadow-run.ts';
import type { Step } from './step.ts';

/** What a loop does with others of the same model: it decides for all, or follows who does. */
export interface Sharing {
  readonly pilot: SharedPilot;
  /** Whether this loop decides for all now. */
  readonly decides: () => boolean;
  /** What the loop makes of an event of its own, in place of `stepped`. Pure but for what is kept to be told to others. */
  fold(before: ControllerState, event: ControlEvent, options: ControlOptions): Step;
  /** A pruned answer was not finite, so that nothing is left of it. */
  lost(threshold: number): void;
  /** Told of every sample that the loop takes in. */
  sampled(sample: ShadowSample): void;
}
