import type { CriticalPoint } from '../criticality/critical-point.ts';
import type { DriftReading } from '../drift/detector.ts';
import { observeAfresh, wealth } from './evidence.ts';
import type { Ladder } from './ladder.ts';
import { advance, isRamped, RAMP_DONE, RAMP_SHARES, RAMP_START } from './ramp.ts';
import {
  beginSearch,
  nextTrial,
  observeTrial,
  onTrial,
  refute,
  type Search,
  type Verdict,
} from './search.ts';
import {
  type Applied,
  alarmOf,
  type Change,
  type ChangeReason,
  type ControllerState,
  type ControlOptions,
  isSeeking,
  type Mode,
  type Phase,
  type PhaseOf,
} from './state.ts';

/** What a window suggests. */
export interface Suggestion {
  readonly critical: CriticalPoint | null;
  readonly ladder: Ladder;
}

/** What the controller is told: all that its decisions depend on. Times are milliseconds since the epoch. */
export type ControlEvent =
  /** The window moved on. */
  | {
      readonly kind: 'snapshot';
      readonly at: number;
      readonly samples: number;
      readonly newSamples: number;
      /** Only while one is sought; null when the window holds too little to say anything. */
      readonly suggestion: Suggestion | null;
      /** Only where there is a reference to measure from. */
      readonly drift: DriftReading | null;
      /** The critical point has left the interval that it had when the search began. */
      readonly hasMoved: boolean;
    }
  /** A sampled request was answered both ways at `threshold`, with a mean loss of `loss` over its rows, 0–1. */
  | { readonly kind: 'pair'; readonly at: number; readonly threshold: number; readonly loss: number }
  /** The estimator or the controller itself failed: nothing that it said before can be relied on. */
  | { readonly kind: 'failure'; readonly at: number; readonly message: string }
  | { readonly kind: 'mode'; readonly at: number; readonly mode: Mode; readonly threshold?: number };

type EventOf<K extends ControlEvent['kind']> = Extract<ControlEvent, { kind: K }>;

const MAX_STRIKES = 4;
/** Comparisons that the recent loss remembers, about. */
const RECENT = 16;
/** A recent loss so many times what is allowed is none that a step back would mend. */
const COLLAPSE = 4;

/** The controller: a pure fold over events. Returns the same object when nothing changed. */
export function step(state: ControllerState, event: ControlEvent, options: ControlOptions): ControllerState {
  switch (event.kind) {
    case 'mode':
      return onMode(state, event, options);
    case 'pair':
      return onPair(state, event, options);
    case 'failure': {
      const phase: Phase = { kind: 'fallback', reason: 'failure', samplesLeft: options.cooldownSamples };
      return { ...moved(state, phase, event.at, 'failure', event.message), epoch: state.epoch + 1 };
    }
    case 'snapshot':
      return onSnapshot(state, event, options);
  }
}

function onMode(state: ControllerState, event: EventOf<'mode'>, options: ControlOptions): ControllerState {
  const { mode, threshold = 0, at } = event;
  const detail = mode === 'fixed' ? `mode fixed at τ = ${threshold}` : `mode ${mode}`;
  const fixed = mode === 'fixed' ? { threshold, alarm: alarmOf(options), isRevoked: false } : null;
  // What was learnt under another mode was learnt from the same traffic, except that `off` saw none of it.
  const isAfresh = state.mode === 'off' && mode !== 'off';
  const isAnew = isAfresh || state.phase.kind === 'fallback';
  const phase: Phase = isAnew ? { kind: 'warming' } : rampedAnew(state);
  return {
    mode,
    modeBy: 'operator',
    fixed,
    phase,
    epoch: isAfresh ? state.epoch + 1 : state.epoch,
    strikes: 0,
    change: { at, reason: 'operator', detail },
  };
}

/** What was proven while production was at something else reaches it in stages all the same. */
export function rampedAnew({ mode, phase }: Pick<ControllerState, 'mode' | 'phase'>): Phase {
  if (mode === 'auto' || phase.kind !== 'tracking') return phase;
  return { ...phase, applied: { ...phase.applied, ramp: RAMP_START, good: [] } };
}

function onPair(state: ControllerState, event: EventOf<'pair'>, options: ControlOptions): ControllerState {
  const { threshold } = event;
  if (state.mode === 'off') return state;
  if (state.mode === 'fixed') return onFixedPair(state, event, options);
  const { phase } = state;
  if (phase.kind === 'tracking' && threshold === phase.search.rungs[phase.applied.rung]!.threshold)
    return onAppliedPair(state, phase, event, options);
  if (phase.kind !== 'trial' && phase.kind !== 'tracking') return state;
  if (threshold !== onTrial(phase.search)?.threshold) return state;
  return onTrialPair(state, phase, event, options);
}

function onFixedPair(
  state: ControllerState,
  event: EventOf<'pair'>,
  options: ControlOptions,
): ControllerState {
  const { fixed } = state;
  if (fixed === null || fixed.isRevoked || event.threshold !== fixed.threshold) return state;
  const alarm = observeAfresh(fixed.alarm, event.loss);
  if (wealth(alarm) < options.alarmRunLength) return { ...state, fixed: { ...fixed, alarm } };
  const change = disagreement(event, wealth(alarm), options, 'dense until the operator decides');
  return { ...state, fixed: { ...fixed, alarm, isRevoked: true }, change };
}

/** A comparison at the threshold in production: it raises the alarm, or carries the ramp on. */
function onAppliedPair(
  state: ControllerState,
  phase: PhaseOf<'tracking'>,
  event: EventOf<'pair'>,
  options: ControlOptions,
): ControllerState {
  const { applied, search } = phase;
  const alarm = observeAfresh(applied.alarm, event.loss);
  const recentLoss = applied.recentLoss + (event.loss - applied.recentLoss) / RECENT;
  if (wealth(alarm) >= options.alarmRunLength)
    return onAlarm(state, phase, event, { e: wealth(alarm), recentLoss }, options);
  const sinceAlarm = applied.sinceAlarm === null ? null : applied.sinceAlarm + 1;
  const ramp = advance(applied.ramp, options.rampSamples);
  const next: Applied = { ...applied, alarm, recentLoss, ramp, sinceAlarm };
  if (ramp.stage === applied.ramp.stage) {
    const mayClimbAgain = sinceAlarm === options.cooldownSamples && search.trial === null && isRamped(ramp);
    const rested = mayClimbAgain ? nextTrial(search, options) : search;
    return { ...state, phase: { ...phase, search: rested, applied: next } };
  }
  const part = `${100 * RAMP_SHARES[ramp.stage]!} % of production at τ = ${event.threshold}`;
  const share = `${part}: mean loss proven below ${options.allowedLoss.toFixed(3)}, no alarm since`;
  const isDone = isRamped(ramp);
  const onward = isDone ? nextTrial(search, options) : search;
  return moved(state, { ...phase, search: onward, applied: next }, event.at, 'ramped', share);
}

/** Back to the last threshold that was good, unless that was tried just now or the answers are far off; else to dense. */
function onAlarm(
  state: ControllerState,
  phase: PhaseOf<'tracking'>,
  event: EventOf<'pair'>,
  { e, recentLoss }: { readonly e: number; readonly recentLoss: number },
  options: ControlOptions,
): ControllerState {
  const { applied, search } = phase;
  const isCollapse = recentLoss >= COLLAPSE * options.allowedLoss;
  const lastGood = isCollapse ? undefined : applied.good.at(-1);
  const isAgain = applied.sinceAlarm !== null && applied.sinceAlarm < options.cooldownSamples;
  if (lastGood === undefined || isAgain) {
    const change = disagreement(event, e, options, 'dense');
    return { ...state, phase: coolDown(state, options), strikes: struck(state), change };
  }
  const back: Applied = {
    rung: lastGood,
    ramp: RAMP_DONE,
    good: applied.good.slice(0, -1),
    alarm: alarmOf(options),
    recentLoss: 0,
    sinceAlarm: 0,
  };
  const change = disagreement(event, e, options, `back to τ = ${search.rungs[lastGood]!.threshold}`);
  const next = refute(search, applied.rung, lastGood);
  return { ...state, phase: { ...phase, search: next, applied: back }, change };
}

function onTrialPair(
  state: ControllerState,
  phase: PhaseOf<'trial'> | PhaseOf<'tracking'>,
  event: EventOf<'pair'>,
  options: ControlOptions,
): ControllerState {
  const { search: before } = phase;
  const trial = before.trial!;
  const { search, verdict } = observeTrial(before, trial, event.loss, options);
  if (verdict === 'open') return { ...state, phase: { ...phase, search } };
  const pairs = trial.accept.observations + 1;
  const { reason, detail } = verdictOf(verdict, event.threshold, pairs, options);
  if (verdict === 'proven') return moved(state, apply(phase, search, options), event.at, reason, detail);
  const onward = nextTrial(search, options);
  if (onward.trial === null && phase.kind === 'trial') {
    const change: Change = { at: event.at, reason, detail: `${detail}; no candidate is left: dense` };
    return { ...state, phase: coolDown(state, options), strikes: struck(state), change };
  }
  return moved(state, { ...phase, search: onward }, event.at, reason, detail);
}

/** Production begins to move to the rung that was just proven. */
function apply(
  phase: PhaseOf<'trial'> | PhaseOf<'tracking'>,
  search: Search,
  options: ControlOptions,
): PhaseOf<'tracking'> {
  const { critical, drift } = phase;
  const good = phase.kind === 'tracking' ? [...phase.applied.good, phase.applied.rung] : [];
  const sinceAlarm = phase.kind === 'tracking' ? phase.applied.sinceAlarm : null;
  const applied: Applied = {
    rung: search.proven,
    ramp: RAMP_START,
    good,
    alarm: alarmOf(options),
    recentLoss: 0,
    sinceAlarm,
  };
  return { kind: 'tracking', critical, search, applied, drift };
}

function onSnapshot(
  state: ControllerState,
  event: EventOf<'snapshot'>,
  options: ControlOptions,
): ControllerState {
  if (state.mode === 'off') return state;
  const { phase } = state;
  if (phase.kind === 'trial' || phase.kind === 'tracking') return watchTraffic(state, phase, event, options);
  if (phase.kind === 'fallback') {
    const samplesLeft = phase.samplesLeft - event.newSamples;
    if (samplesLeft > 0) return { ...state, phase: { ...phase, samplesLeft } };
  }
  return isSeeking(state) ? seek(state, event, options) : state;
}

/** Looks for candidates in a window that is full enough, and begins a trial. */
function seek(state: ControllerState, event: EventOf<'snapshot'>, options: ControlOptions): ControllerState {
  const { suggestion, at } = event;
  if (event.samples < options.warmSamples) return state;
  if (suggestion === null || suggestion.ladder.rungs.length === 0) {
    if (state.phase.kind === 'featureless') return state;
    const detail = 'the free energy shows no significant feature';
    return moved(state, { kind: 'featureless' }, at, 'no-feature', detail);
  }
  const { critical, ladder } = suggestion;
  const search = beginSearch(ladder, state.strikes, options);
  const { threshold } = onTrial(search)!;
  const found =
    critical === null
      ? 'no significant feature of F'
      : `${critical.feature} of F at τ* = ${critical.threshold}, β* = ${critical.sparsity.toFixed(3)}`;
  const detail = `${found}; trying τ = ${threshold}`;
  const reason = state.strikes === 0 ? 'critical-point' : 'retry';
  return moved(state, { kind: 'trial', critical, search, drift: null }, at, reason, detail);
}

/**
 * Two questions to the traffic: is it other traffic than the evidence is from? Then nothing is proven any more. Is its
 * critical point another? That is a reason to look again for whoever stays at the critical point; who climbs from there is
 * told by the answers.
 */
function watchTraffic(
  state: ControllerState,
  phase: PhaseOf<'trial'> | PhaseOf<'tracking'>,
  { drift, hasMoved, at }: EventOf<'snapshot'>,
  options: ControlOptions,
): ControllerState {
  if (drift?.isDrift) {
    const { aspect, site, distance, limit } = drift;
    const detail = `${aspect} of ln|a| at site ${site} moved by ${distance.toFixed(3)} deviations, more than ${limit.toFixed(3)}`;
    const next = moved(state, { kind: 'drifted', drift }, at, 'drift', detail);
    return { ...next, epoch: state.epoch + 1, strikes: 0 };
  }
  if (hasMoved && options.policy === 'earliest') {
    const before = phase.critical === null ? 'none' : `τ* = ${phase.critical.threshold}`;
    const detail = `the critical point has left the interval of ${before}: looking again`;
    return moved(state, { kind: 'warming' }, at, 'critical-point-moved', detail);
  }
  return drift === null ? state : { ...state, phase: { ...phase, drift } };
}

function struck({ strikes }: ControllerState): number {
  return Math.min(strikes + 1, MAX_STRIKES);
}

/** Dense for a while; twice as long after every further strike. */
function coolDown({ strikes }: ControllerState, { cooldownSamples }: ControlOptions): Phase {
  return { kind: 'fallback', reason: 'disagreement', samplesLeft: cooldownSamples * 2 ** strikes };
}

function moved(
  state: ControllerState,
  phase: Phase,
  at: number,
  reason: ChangeReason,
  detail: string,
): ControllerState {
  return { ...state, phase, change: { at, reason, detail } };
}

function disagreement(
  { at, threshold }: EventOf<'pair'>,
  e: number,
  { allowedLoss, alarmRunLength }: ControlOptions,
  consequence: string,
): Change {
  const evidence = `e-value ${e.toExponential(1)} ≥ ${alarmRunLength}`;
  const detail = `loss at τ = ${threshold} is above ${allowedLoss.toFixed(3)} (${evidence}): ${consequence}`;
  return { at, reason: 'disagreement', detail };
}

function verdictOf(
  verdict: Exclude<Verdict, 'open'>,
  threshold: number,
  pairs: number,
  { allowedLoss }: ControlOptions,
): { reason: ChangeReason; detail: string } {
  const allowed = allowedLoss.toFixed(3);
  const after = `after ${pairs} sampled requests`;
  switch (verdict) {
    case 'proven':
      return {
        reason: 'agreement-proven',
        detail: `mean loss at τ = ${threshold} is below ${allowed} ${after}`,
      };
    case 'refuted':
      return {
        reason: 'disagreement',
        detail: `mean loss at τ = ${threshold} is above ${allowed} ${after}`,
      };
    case 'given-up':
      return {
        reason: 'agreement-unproven',
        detail: `mean loss at τ = ${threshold} is not proven below ${allowed} ${after}`,
      };
  }
}
