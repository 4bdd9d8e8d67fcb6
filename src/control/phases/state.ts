import type { Mode } from '../../config/modes.ts';
import type { CriticalPoint } from '../../criticality/critical-point.ts';
import type { DriftReading } from '../../drift/detector.ts';
import type { Watch, WatchOptions } from '../guard/watch.ts';
import type { Ramp } from '../rollout/ramp.ts';
import type { Policy } from '../search/ladder.ts';
import type { Search, SearchOptions } from '../search/search.ts';
import { type Fixed, fixedAt } from './fixed.ts';

/** A threshold in production, and what is known against it. */
export interface Applied {
  readonly rung: number;
  /** How much of production it has reached; the rest is at the rung before it. */
  readonly ramp: Ramp;
  /** Rungs below that were at 100 % before, highest last: where an alarm goes back to. */
  readonly good: readonly number[];
  readonly watch: Watch;
  /** Of the rung before it, while that serves the rest of production; null where the rest is dense, or none. */
  readonly rest: Watch | null;
  /** Comparisons since the last alarm; none yet: a second alarm while this is small ends in dense. */
  readonly sinceAlarm: number | null;
}

/** Where the search for a threshold stands. Production is pruned in `tracking` only. */
export type Phase =
  /** The window fills. */
  | { readonly kind: 'warming' }
  /** The window is full and offers no candidate, or none whose answers can be judged: dense. */
  | { readonly kind: 'featureless' }
  /** A candidate is tried on shadow traffic; nothing is applied. */
  | {
      readonly kind: 'trial';
      readonly critical: CriticalPoint | null;
      readonly search: Search;
      readonly drift: DriftReading | null;
    }
  /**
   * A threshold is applied; agreement and drift are watched. To all of production: a proven one, and a higher one may be on
   * trial. To a part, the rest being dense: it may be on trial itself, and the part is no larger than the evidence allows.
   */
  | {
      readonly kind: 'tracking';
      readonly critical: CriticalPoint | null;
      readonly search: Search;
      readonly applied: Applied;
      readonly drift: DriftReading | null;
    }
  /** Too long no answer at the applied threshold was compared: dense, until enough of them were, in the shadow. */
  | {
      readonly kind: 'unverified';
      readonly critical: CriticalPoint | null;
      readonly search: Search;
      readonly applied: Applied;
      readonly drift: DriftReading | null;
      /** Comparisons since then, without as long a silence between them. */
      readonly compared: number;
    }
  /** The traffic has moved away from the reference: dense, while a fresh window fills. */
  | {
      readonly kind: 'drifted';
      readonly drift: DriftReading;
      /** What production was at with plenty of room below the objective: a place to begin the next search; null: none. */
      readonly roomy: number | null;
    }
  /** Answers disagreed, or the estimator failed: dense, until as many more samples were seen. */
  | {
      readonly kind: 'fallback';
      readonly reason: 'disagreement' | 'failure';
      readonly samplesLeft: number;
    };

export type PhaseOf<K extends Phase['kind']> = Extract<Phase, { kind: K }>;

/** The phases that a window has been read for, and that stand or fall with its traffic. */
export type SearchedPhase = PhaseOf<'trial' | 'tracking' | 'unverified'>;

export function isSearched(phase: Phase): phase is SearchedPhase {
  return phase.kind === 'trial' || phase.kind === 'tracking' || phase.kind === 'unverified';
}

/**
 * Why production is dense whatever was proven: pruning saves no time on this machine, or nobody has measured yet whether it
 * does.
 */
export type HeldBack = 'unprofitable' | 'unmeasured';

/**
 * Why one of several replicas is dense whatever they decide together: its own comparisons disagree, its shadow runs fail, none of
 * its answers is compared, or nobody decides, since the store that they share is out of reach.
 */
export type Withheld = 'disagreement' | 'failure' | 'unverified' | 'unshared';

/** The name of a state as it is shown and exported. */
export type StateName = Phase['kind'] | 'fixed' | 'observe' | 'off' | 'unprofitable';

export const STATE_NAMES: readonly StateName[] = [
  'off',
  'observe',
  'fixed',
  'warming',
  'featureless',
  'trial',
  'tracking',
  'drifted',
  'fallback',
  'unverified',
  'unprofitable',
];

export const CHANGE_REASONS = [
  'operator',
  'critical-point',
  'pilot',
  'no-feature',
  'vacuous',
  'agreement-proven',
  'agreement-unproven',
  'ramped',
  'disagreement',
  'drift',
  'critical-point-moved',
  'failure',
  'unverified',
  'verified',
  'retry',
  'time',
  'unshared',
  'shared',
] as const;

export type ChangeReason = (typeof CHANGE_REASONS)[number];

/** Why the state is what it is. */
export interface Change {
  readonly at: number;
  readonly reason: ChangeReason;
  readonly detail: string;
}

/** Everything that decisions depend on; JSON keeps all of it. */
export interface ControllerState {
  readonly mode: Mode;
  /** Who chose the mode: what an operator chose outlives a restart. */
  readonly modeBy: 'settings' | 'operator';
  /** The operator's threshold, in mode `fixed`. */
  readonly fixed: Fixed | null;
  readonly phase: Phase;
  /** Absent: what is proven is applied. Evidence is gathered in the shadow either way. */
  readonly heldBack?: HeldBack | undefined;
  /** Of this replica alone; absent: it does as all do. Evidence is gathered in the shadow either way. */
  readonly withheld?: Withheld | undefined;
  /** Sites that are pruned, shape [sites]; absent: all. The others keep every activation: pruning them saves no time. */
  readonly gated?: readonly boolean[] | undefined;
  /** Grows when the window must start afresh. */
  readonly epoch: number;
  /** Falls back to dense since traffic last moved: each makes the cool-down longer and the next start lower. */
  readonly strikes: number;
  /** The lowest threshold whose answers disagreed in production since then; absent: none did. */
  readonly disagreed?: number | undefined;
  readonly change: Change;
}

export interface ControlOptions extends SearchOptions, WatchOptions {
  readonly policy: Policy;
  /** Sampled requests compared in each stage of a ramp, of those that it has reached. */
  readonly rampSamples: number;
  /** Sampled requests in dense after answers disagreed. */
  readonly cooldownSamples: number;
  /** Pruned answers in a row of which none was compared, and how long that takes at least: then nothing is known of them. */
  readonly unverifiedRequests: number;
  readonly unverifiedMs: number;
  /** Sampled requests that a window needs before a critical point is read from it. */
  readonly warmSamples: number;
}

export function initialState(
  mode: Mode,
  fixedThreshold: number | undefined,
  options: ControlOptions,
): ControllerState {
  const fixed = mode === 'fixed' ? fixedAt(fixedThreshold ?? 0, options) : null;
  const change: Change = { at: 0, reason: 'operator', detail: `started in mode ${mode}` };
  return { mode, modeBy: 'settings', fixed, phase: { kind: 'warming' }, epoch: 0, strikes: 0, change };
}
