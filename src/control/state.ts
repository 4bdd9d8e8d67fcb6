import type { CriticalPoint } from '../criticality/critical-point.ts';
import type { DriftReading } from '../drift/detector.ts';
import { type Evidence, noEvidence, wealth } from './evidence.ts';
import type { Candidate, Policy } from './ladder.ts';
import { isRamped, type Ramp, rampShare } from './ramp.ts';
import { onTrial, type Search, type SearchOptions } from './search.ts';

/** What the operator asked for. */
export type Mode =
  /** Finds, tries, applies and watches a threshold. */
  | 'auto'
  /** Applies the operator's threshold; the guard still falls back to dense. */
  | 'fixed'
  /** Does everything `auto` does on shadow traffic, and applies nothing. */
  | 'observe'
  /** Dense answers from the untouched model; nothing is sampled. */
  | 'off';

export const MODES: readonly Mode[] = ['auto', 'fixed', 'observe', 'off'];

/** A threshold in production, and what is known against it. */
export interface Applied {
  readonly rung: number;
  /** How much of production it has reached; the rest is at the rung before it. */
  readonly ramp: Ramp;
  /** Rungs below that were at 100 % before, highest last: where an alarm goes back to. */
  readonly good: readonly number[];
  /** For a loss above what is allowed. */
  readonly alarm: Evidence;
  /** Mean loss of the latest comparisons, newest first in weight. */
  readonly recentLoss: number;
  /** Comparisons since the last alarm; none yet: a second alarm while this is small ends in dense. */
  readonly sinceAlarm: number | null;
}

/** Where the search for a threshold stands. Production is pruned in `tracking` only. */
export type Phase =
  /** The window fills. */
  | { readonly kind: 'warming' }
  /** The window is full and offers no candidate: dense. */
  | { readonly kind: 'featureless' }
  /** A candidate is tried on shadow traffic until it is proven, refuted or given up; nothing is applied. */
  | {
      readonly kind: 'trial';
      readonly critical: CriticalPoint | null;
      readonly search: Search;
      readonly drift: DriftReading | null;
    }
  /** A proven threshold is applied; agreement and drift are watched, and a higher one may be on trial. */
  | {
      readonly kind: 'tracking';
      readonly critical: CriticalPoint | null;
      readonly search: Search;
      readonly applied: Applied;
      readonly drift: DriftReading | null;
    }
  /** The traffic has moved away from the reference: dense, while a fresh window fills. */
  | { readonly kind: 'drifted'; readonly drift: DriftReading }
  /** Answers disagreed, or the estimator failed: dense, until as many more samples were seen. */
  | {
      readonly kind: 'fallback';
      readonly reason: 'disagreement' | 'failure';
      readonly samplesLeft: number;
    };

export type PhaseOf<K extends Phase['kind']> = Extract<Phase, { kind: K }>;

/** The name of a state as it is shown and exported. */
export type StateName = Phase['kind'] | 'fixed' | 'observe' | 'off';

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
];

export type ChangeReason =
  | 'operator'
  | 'critical-point'
  | 'no-feature'
  | 'agreement-proven'
  | 'agreement-unproven'
  | 'ramped'
  | 'disagreement'
  | 'drift'
  | 'critical-point-moved'
  | 'failure'
  | 'retry';

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
  readonly fixed: {
    readonly threshold: number;
    readonly alarm: Evidence;
    readonly isRevoked: boolean;
  } | null;
  readonly phase: Phase;
  /** Grows when the window must start afresh. */
  readonly epoch: number;
  /** Falls back to dense since traffic last moved: each makes the cool-down longer and the next start lower. */
  readonly strikes: number;
  readonly change: Change;
}

export interface ControlOptions extends SearchOptions {
  readonly policy: Policy;
  /** Sampled requests between two false alarms of the guard, on average at least. */
  readonly alarmRunLength: number;
  /** Sampled requests compared in each stage of a ramp. */
  readonly rampSamples: number;
  /** Sampled requests in dense after answers disagreed. */
  readonly cooldownSamples: number;
  /** Sampled requests that a window needs before a critical point is read from it. */
  readonly warmSamples: number;
}

export function initialState(
  mode: Mode,
  fixedThreshold: number | undefined,
  options: ControlOptions,
): ControllerState {
  const fixed =
    mode === 'fixed' ? { threshold: fixedThreshold ?? 0, alarm: alarmOf(options), isRevoked: false } : null;
  const change: Change = { at: 0, reason: 'operator', detail: `started in mode ${mode}` };
  return { mode, modeBy: 'settings', fixed, phase: { kind: 'warming' }, epoch: 0, strikes: 0, change };
}

/** A fresh alarm: evidence that the loss is above what the objective allows. */
export function alarmOf({ allowedLoss }: ControlOptions): Evidence {
  return noEvidence('above', allowedLoss);
}

/** What production runs at: `share` of it at `threshold`, the rest at `rest`. 0 is dense. */
export interface Production {
  readonly threshold: number;
  readonly share: number;
  readonly rest: number;
}

const DENSE: Production = { threshold: 0, share: 1, rest: 0 };

export function production(state: ControllerState): Production {
  const { mode, fixed, phase } = state;
  if (mode === 'fixed')
    return fixed === null || fixed.isRevoked ? DENSE : { ...DENSE, threshold: fixed.threshold };
  if (mode !== 'auto' || phase.kind !== 'tracking') return DENSE;
  const { applied, search } = phase;
  const before = applied.good.at(-1);
  return {
    threshold: search.rungs[applied.rung]!.threshold,
    share: rampShare(applied.ramp),
    rest: isRamped(applied.ramp) || before === undefined ? 0 : search.rungs[before]!.threshold,
  };
}

/** The threshold of a request at `position` in [0, 1): those with a low position are ramped first. */
export function thresholdAt({ threshold, share, rest }: Production, position: number): number {
  return position < share ? threshold : rest;
}

/** The threshold of most of production; 0 is dense. */
export function appliedThreshold(state: ControllerState): number {
  const { threshold, share, rest } = production(state);
  return share > 0.5 ? threshold : rest;
}

/**
 * The thresholds that a sampled request is compared at: first the one in production, or that would be, then the one on
 * trial. Empty: there is none to judge.
 */
export function judgedThresholds(state: ControllerState): readonly number[] {
  const { mode, phase } = state;
  if (mode === 'off') return [];
  if (mode === 'fixed') return [appliedThreshold(state)].filter((threshold) => threshold > 0);
  if (phase.kind !== 'trial' && phase.kind !== 'tracking') return [];
  const tried = onTrial(phase.search)?.threshold;
  const applied = phase.kind === 'tracking' ? [phase.search.rungs[phase.applied.rung]!.threshold] : [];
  return tried === undefined ? applied : [...applied, tried];
}

/** The threshold that measurements are shown for: the first that is judged; 0 without one. */
export function judgedThreshold(state: ControllerState): number {
  return judgedThresholds(state)[0] ?? 0;
}

/** The candidate at work: in production, else on trial. */
export function candidateOf(phase: Phase): Candidate | null {
  if (phase.kind === 'tracking') return phase.search.rungs[phase.applied.rung]!;
  return phase.kind === 'trial' ? onTrial(phase.search) : null;
}

export function stateName(state: ControllerState): StateName {
  if (state.mode === 'fixed') return state.fixed?.isRevoked ? 'fallback' : 'fixed';
  if (state.mode === 'off' || state.mode === 'observe') return state.mode;
  return state.phase.kind;
}

/** Wealth of the guard's alarm above which more requests are looked at: something disagreed a moment ago. */
const SUSPICIOUS = 2;

/**
 * Whether to look closer than usual: something is still to be found out, a ramp is under way, or answers have just
 * disagreed.
 */
export function isWatchful({ mode, fixed, phase }: ControllerState): boolean {
  if (mode === 'off') return false;
  if (mode === 'fixed') return fixed !== null && !fixed.isRevoked && wealth(fixed.alarm) > SUSPICIOUS;
  if (phase.kind !== 'tracking') return true;
  const { applied, search } = phase;
  return search.trial !== null || !isRamped(applied.ramp) || wealth(applied.alarm) > SUSPICIOUS;
}

/** Whether the controller waits for a window to read a ladder from. */
export function isSeeking({ mode, phase }: ControllerState): boolean {
  return mode !== 'off' && phase.kind !== 'trial' && phase.kind !== 'tracking';
}

/** The latest drift reading, when there is a reference to measure from. */
export function driftOf(state: ControllerState): DriftReading | null {
  return 'drift' in state.phase ? state.phase.drift : null;
}
