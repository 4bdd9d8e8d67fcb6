import type { CriticalPoint } from '../criticality/critical-point.ts';
import type { DriftReading, DriftReference } from '../drift/detector.ts';
import { type Evidence, noEvidence } from './evidence.ts';

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

/** A threshold that the critical point suggests. */
export interface Candidate {
  readonly threshold: number;
  readonly sparsity: number;
  /** 0 for the critical point itself; each rung below asks for less sparsity. */
  readonly rung: number;
}

/** Where the search for a threshold stands. Production is pruned in `tracking` only. */
export type Phase =
  /** The window fills. */
  | { readonly kind: 'warming' }
  /** The window is full and shows no critical point: dense. */
  | { readonly kind: 'featureless' }
  /** A candidate is tried on shadow traffic until its agreement is proven, or disproven. */
  | {
      readonly kind: 'trial';
      readonly candidate: Candidate;
      readonly critical: CriticalPoint;
      readonly reference: DriftReference;
      readonly evidence: TrialEvidence;
      readonly drift: DriftReading | null;
    }
  /** The threshold is applied; agreement and drift are watched. */
  | {
      readonly kind: 'tracking';
      readonly candidate: Candidate;
      readonly critical: CriticalPoint;
      readonly reference: DriftReference;
      readonly alarm: Evidence;
      readonly drift: DriftReading | null;
    }
  /** The traffic has moved away from the reference: dense, while a fresh window fills. */
  | { readonly kind: 'drifted'; readonly drift: DriftReading }
  /** Answers disagreed, or the estimator failed: dense, until as many more samples were seen. */
  | {
      readonly kind: 'fallback';
      readonly reason: 'disagreement' | 'failure';
      readonly rung: number;
      readonly samplesLeft: number;
    };

export interface TrialEvidence {
  /** For agreement above the floor: its proof applies the candidate. */
  readonly accept: Evidence;
  /** For agreement below the floor: its proof rejects the candidate. */
  readonly reject: Evidence;
}

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
  | 'disagreement'
  | 'drift'
  | 'failure'
  | 'retry';

/** Why the state is what it is. */
export interface Change {
  readonly at: number;
  readonly reason: ChangeReason;
  readonly detail: string;
}

export interface ControllerState {
  readonly mode: Mode;
  /** The operator's threshold, in mode `fixed`. */
  readonly fixed: {
    readonly threshold: number;
    readonly alarm: Evidence;
    readonly isRevoked: boolean;
  } | null;
  readonly phase: Phase;
  /** Grows when the window must start afresh. */
  readonly epoch: number;
  readonly change: Change;
}

export interface ControlOptions {
  /** The share of sampled answers that must agree with the dense model. */
  readonly agreementFloor: number;
  /** Error probability of accepting a candidate, and of calling a false alarm. */
  readonly alpha: number;
  /** Sampled requests after which a candidate that is neither proven nor disproven makes way for a safer one. */
  readonly trialSamples: number;
  /** Sampled requests in dense after answers disagreed. */
  readonly cooldownSamples: number;
  /** Sampled requests that a window needs before a critical point is read from it. */
  readonly warmSamples: number;
}

/** Sparsities to try, as shares of the critical one, from the critical point down. */
export const RUNGS = [1, 0.75, 0.5, 0.25] as const;

export function initialState(
  mode: Mode,
  fixedThreshold: number | undefined,
  options: ControlOptions,
): ControllerState {
  const fixed =
    mode === 'fixed' ? { threshold: fixedThreshold ?? 0, alarm: alarmOf(options), isRevoked: false } : null;
  const change: Change = { at: 0, reason: 'operator', detail: `started in mode ${mode}` };
  return { mode, fixed, phase: { kind: 'warming' }, epoch: 0, change };
}

/** A fresh alarm: evidence that disagreement is above what the floor allows. */
export function alarmOf(options: ControlOptions): Evidence {
  return noEvidence('above', 1 - options.agreementFloor);
}

/** The threshold for production; 0 is dense. */
export function appliedThreshold(state: ControllerState): number {
  if (state.mode === 'fixed')
    return state.fixed !== null && !state.fixed.isRevoked ? state.fixed.threshold : 0;
  return state.mode === 'auto' && state.phase.kind === 'tracking' ? state.phase.candidate.threshold : 0;
}

/** The threshold that sampled requests are compared at; 0: there is none to judge. */
export function judgedThreshold(state: ControllerState): number {
  if (state.mode === 'off') return 0;
  if (state.mode === 'fixed') return appliedThreshold(state);
  return state.phase.kind === 'trial' || state.phase.kind === 'tracking'
    ? state.phase.candidate.threshold
    : 0;
}

export function stateName(state: ControllerState): StateName {
  if (state.mode === 'fixed') return state.fixed?.isRevoked ? 'fallback' : 'fixed';
  if (state.mode === 'off' || state.mode === 'observe') return state.mode;
  return state.phase.kind;
}

/** The latest drift reading, when there is a reference to measure from. */
export function driftOf(state: ControllerState): DriftReading | null {
  return 'drift' in state.phase ? state.phase.drift : null;
}
