import type { DriftReading } from '../drift/detector.ts';
import { wealth } from './evidence.ts';
import type { Candidate } from './ladder.ts';
import { isRamped, rampShare } from './ramp.ts';
import { onTrial } from './search.ts';
import { type ControllerState, isSearched, type Phase, type PhaseOf, type StateName } from './state.ts';

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
    threshold: appliedRung(phase).threshold,
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
  if (!isSearched(phase)) return [];
  if (phase.kind === 'unverified') return [appliedRung(phase).threshold];
  const tried = onTrial(phase.search)?.threshold;
  const applied = phase.kind === 'tracking' ? [appliedRung(phase).threshold] : [];
  return tried === undefined ? applied : [...applied, tried];
}

/** The threshold that measurements are shown for: the first that is judged; 0 without one. */
export function judgedThreshold(state: ControllerState): number {
  return judgedThresholds(state)[0] ?? 0;
}

function appliedRung({ search, applied }: PhaseOf<'tracking' | 'unverified'>): Candidate {
  return search.rungs[applied.rung]!;
}

/** The candidate at work: in production, or withheld from it, else on trial. */
export function candidateOf(phase: Phase): Candidate | null {
  if (phase.kind === 'tracking' || phase.kind === 'unverified') return appliedRung(phase);
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
  return mode !== 'off' && !isSearched(phase);
}

/** Whether production would be pruned, had its answers been compared in time. */
export function isWithheld({ mode, phase }: ControllerState): boolean {
  return mode === 'auto' && phase.kind === 'unverified';
}

/** The latest drift reading, when there is a reference to measure from. */
export function driftOf(state: ControllerState): DriftReading | null {
  return 'drift' in state.phase ? state.phase.drift : null;
}
