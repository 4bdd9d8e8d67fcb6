import type { DriftReading } from '../../drift/detector.ts';
import { rampShare } from '../rollout/ramp.ts';
import type { Candidate } from '../search/ladder.ts';
import { onTrial, type Search, type Trial } from '../search/search.ts';
import { type Fixed, isWithheldFixed } from './fixed.ts';
import { type ControllerState, isSearched, type Phase, type PhaseOf, type StateName } from './state.ts';

/** What production runs at: `share` of it at `threshold`, the rest at `rest`. 0 is dense. */
export interface Production {
  readonly threshold: number;
  readonly share: number;
  readonly rest: number;
}

const DENSE: Production = { threshold: 0, share: 1, rest: 0 };

/** What production runs at in mode `auto` or `fixed`, and would run at in mode `observe` or if it saved time. */
function target({ mode, fixed, phase }: ControllerState): Production {
  if (mode === 'fixed')
    return fixed === null || fixed.doubt !== null ? DENSE : { ...DENSE, threshold: fixed.threshold };
  if (mode === 'off' || phase.kind !== 'tracking') return DENSE;
  return {
    threshold: appliedRung(phase).threshold,
    share: rampShare(phase.applied.ramp),
    rest: restRung(phase)?.threshold ?? 0,
  };
}

export function production(state: ControllerState): Production {
  const isDense = state.mode === 'observe' || state.heldBack !== undefined || state.withheld !== undefined;
  return isDense ? DENSE : target(state);
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

/** What clients are answered at, in the words that metrics, log and report share. */
export interface Exposure {
  /** What the largest pruned share of production runs at; 0: every answer is dense. */
  readonly threshold: number;
  /** The threshold that is in production or on its way there, else the one on trial; null without one. */
  readonly candidate: number | null;
  /** Share of production that is answered at the candidate, 0–1. */
  readonly exposure: number;
}

export function exposureOf(state: ControllerState): Exposure {
  return exposureIn(production(state), candidateThreshold(state));
}

/** @param next - what would come to production next, while all of it is dense; null: nothing, or unknown. */
export function exposureIn({ threshold, share, rest }: Production, next: number | null): Exposure {
  if (threshold === 0) return { threshold: 0, candidate: next, exposure: 0 };
  const isSmaller = rest > 0 && share < 1 - share;
  return { threshold: isSmaller ? rest : threshold, candidate: threshold, exposure: share };
}

/** What would come to production next, while all of it is dense. */
function candidateThreshold({ mode, fixed, phase }: ControllerState): number | null {
  if (mode === 'fixed') return fixed?.threshold ?? null;
  return mode === 'off' ? null : (candidateOf(phase)?.threshold ?? null);
}

/** The threshold that a request at a position is answered at, or is due to be, were it not held back; 0 is dense. */
export function dueAt(state: ControllerState, position: number): number {
  return thresholdAt(target(state), position);
}

/**
 * The thresholds that a sampled request is compared at: first the one that it is answered at, or would be, then the one on
 * trial. Where the rest of production is dense, it is compared at what the ramp brings. Empty: there is none to judge.
 *
 * @param position - of the request, in [0, 1).
 */
export function comparedThresholds(state: ControllerState, position = 0): readonly number[] {
  const { mode, fixed, phase } = state;
  if (mode === 'off') return [];
  if (mode === 'fixed') {
    const isJudged = fixed !== null && fixed.threshold > 0 && fixed.doubt !== 'disagreement';
    return isJudged ? [fixed.threshold] : [];
  }
  if (!isSearched(phase)) return [];
  if (phase.kind === 'unverified') return [appliedRung(phase).threshold];
  const tried = onTrial(phase.search)?.threshold;
  if (phase.kind === 'trial') return tried === undefined ? [] : [tried];
  const applied = dueAt(state, position) || appliedRung(phase).threshold;
  return tried === undefined || tried === applied ? [applied] : [applied, tried];
}

/** The threshold that measurements are shown for: the first that is compared; 0 without one. */
export function comparedThreshold(state: ControllerState): number {
  return comparedThresholds(state)[0] ?? 0;
}

/** What production is heading for. */
export function appliedRung({ search, applied }: PhaseOf<'tracking' | 'unverified'>): Candidate {
  return search.rungs[applied.rung]!;
}

/** The trial of the threshold that part of production is at, or that is withheld from it; null once that is proven. */
export function ownTrial({ search, applied }: PhaseOf<'tracking' | 'unverified'>): Trial | null {
  return search.trial?.rung === applied.rung ? search.trial : null;
}

/** Where the rest of production is during a ramp; null: dense, or there is no rest. */
export function restRung({ search, applied }: PhaseOf<'tracking'>): Candidate | null {
  const before = applied.good.at(-1);
  return applied.rest === null || before === undefined ? null : search.rungs[before]!;
}

/** The candidate at work: in production, or withheld from it, else on trial. */
export function candidateOf(phase: Phase): Candidate | null {
  if (phase.kind === 'tracking' || phase.kind === 'unverified') return appliedRung(phase);
  return phase.kind === 'trial' ? (onTrial(phase.search) ?? likelyOf(phase.search)) : null;
}

/** Of a ladder that is judged on kept inputs, what is likely to be proven soon; null: the pilot is still asked. */
function likelyOf({ rungs, start, tests }: Search): Candidate | null {
  return tests?.kind === 'tested' ? rungs[start]! : null;
}

export function stateName(state: ControllerState): StateName {
  if (state.mode !== 'observe' && state.heldBack === 'unprofitable' && target(state).threshold > 0)
    return 'unprofitable';
  const isOn = state.mode === 'auto' || state.mode === 'fixed';
  if (isOn && state.withheld !== undefined && target(state).threshold > 0)
    return state.withheld === 'unverified' ? 'unverified' : 'fallback';
  if (state.mode === 'fixed') return nameOfFixed(state.fixed?.doubt ?? null);
  if (state.mode === 'off' || state.mode === 'observe') return state.mode;
  return state.phase.kind;
}

function nameOfFixed(doubt: Fixed['doubt']): StateName {
  if (doubt === null) return 'fixed';
  return doubt === 'unverified' ? 'unverified' : 'fallback';
}

/** Whether the controller waits for a window to read a ladder from. */
export function isSeeking({ mode, phase }: ControllerState): boolean {
  return mode !== 'off' && !isSearched(phase);
}

/** Whether production would be pruned, had its answers been compared in time. */
export function isWithheld({ mode, fixed, phase, heldBack, withheld }: ControllerState): boolean {
  if (heldBack !== undefined) return false;
  if (withheld === 'unverified') return true;
  if (mode === 'fixed') return fixed !== null && isWithheldFixed(fixed);
  return mode === 'auto' && phase.kind === 'unverified';
}

/** The latest drift reading, when there is a reference to measure from. */
export function driftOf(state: ControllerState): DriftReading | null {
  return 'drift' in state.phase ? state.phase.drift : null;
}
