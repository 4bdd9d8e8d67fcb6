import type { Mode } from '../../config/modes.ts';
import type { Ladder } from '../search/ladder.ts';
import { beginSearch, onTrial } from '../search/search.ts';
import { onComparison } from './comparisons.ts';
import type { ControlEvent, EventOf } from './event.ts';
import { doubtedFixed, fixedAt, fixedOnOtherTraffic } from './fixed.ts';
import { onPilot, onRespaced, onTested } from './ladder-tests.ts';
import { appliedRung, isSeeking } from './production.ts';
import {
  type ControllerState,
  type ControlOptions,
  isSearched,
  type Phase,
  type SearchedPhase,
} from './state.ts';
import { moved, rampedAnew } from './transitions.ts';
import { ofDrift, ofMode, ofMovedPoint, ofNoFeature, ofSearch, ofUncompared, ofVacuous } from './wording.ts';

/** The controller: a pure fold over events. Returns the same object when nothing changed. */
export function step(state: ControllerState, event: ControlEvent, options: ControlOptions): ControllerState {
  switch (event.kind) {
    case 'mode':
      return onMode(state, event, options);
    case 'time':
      return onTime(state, event);
    case 'comparison':
      return onComparison(state, event, options);
    case 'pilot':
      return onPilot(state, event, options);
    case 'tested':
      return onTested(state, event, options);
    case 'respaced':
      return onRespaced(state, event, options);
    case 'failure':
      return onFailure(state, event, options);
    case 'uncompared':
      return onUncompared(state, event, options);
    case 'snapshot':
      return onSnapshot(state, event, options);
    case 'adopted':
      return { ...event.state, heldBack: state.heldBack, withheld: state.withheld };
    case 'withheld':
      return onWithheld(state, event);
  }
}

function onWithheld(state: ControllerState, { at, withheld, detail }: EventOf<'withheld'>): ControllerState {
  if (withheld === state.withheld) return state;
  return { ...state, withheld, change: { at, reason: withheld ?? 'shared', detail } };
}

function onMode(state: ControllerState, event: EventOf<'mode'>, options: ControlOptions): ControllerState {
  const { mode, threshold = 0, at } = event;
  const fixed = mode === 'fixed' ? fixedAt(threshold, options) : null;
  // Evidence from another mode is from the same traffic and stays valid; only in `off` nothing was sampled.
  const isAfresh = state.mode === 'off' && mode !== 'off';
  const isAnew = isAfresh || state.phase.kind === 'fallback';
  const phase: Phase = isAnew ? { kind: 'warming' } : phaseUnder(mode, state);
  return {
    ...state,
    mode,
    modeBy: 'operator',
    fixed,
    phase,
    epoch: isAfresh ? state.epoch + 1 : state.epoch,
    strikes: 0,
    disagreed: undefined,
    change: { at, ...ofMode(event) },
  };
}

/**
 * Production is pruned where that saves time. What was proven in the shadow reaches production in stages, but for a server that
 * comes back; with other sites pruned, it has to be proven anew.
 */
function onTime(state: ControllerState, event: EventOf<'time'>): ControllerState {
  const { at, heldBack, detail, gated, isKept = false } = event;
  if (gated !== undefined && !sameSites(gated, state.gated)) {
    const { phase, fixed } = state;
    return {
      ...state,
      heldBack,
      gated,
      phase: isSearched(phase) ? { kind: 'warming' } : phase,
      fixed: fixed && fixedOnOtherTraffic(fixed),
      change: { at, reason: 'time', detail },
    };
  }
  const { phase } = state;
  const begins =
    !isKept && heldBack === undefined && state.heldBack !== undefined && phase.kind === 'tracking';
  return {
    ...state,
    heldBack,
    phase: begins ? rampedAnew(phase) : phase,
    change: heldBack === state.heldBack ? state.change : { at, reason: 'time', detail },
  };
}

/** @param before - undefined: all sites are pruned. */
function sameSites(now: readonly boolean[], before: readonly boolean[] | undefined): boolean {
  return now.every((isGated, i) => isGated === (before?.[i] ?? true));
}

/** A threshold that was proven under another mode still reaches production in stages. */
export function phaseUnder(mode: Mode, state: Pick<ControllerState, 'mode' | 'phase'>): Phase {
  const { phase } = state;
  return mode === 'auto' && state.mode !== 'auto' && phase.kind === 'tracking' ? rampedAnew(phase) : phase;
}

/** Too many answers in a row were not compared: nobody knows any more how good the pruned ones are. */
function onUncompared(
  state: ControllerState,
  event: EventOf<'uncompared'>,
  { unverifiedRequests, unverifiedMs }: ControlOptions,
): ControllerState {
  const { mode, fixed, phase } = state;
  if (event.requests < unverifiedRequests || event.ms < unverifiedMs) return state;
  if (mode === 'fixed' && fixed !== null) {
    const next = doubtedFixed(fixed, 'unverified');
    if (next === fixed) return state;
    const change = next.doubt === fixed.doubt ? state.change : { at: event.at, ...ofUncompared(event) };
    return { ...state, fixed: next, change };
  }
  if (phase.kind === 'unverified')
    return phase.compared === 0 ? state : { ...state, phase: { ...phase, compared: 0 } };
  if (mode !== 'auto' || phase.kind !== 'tracking') return state;
  return moved(state, { ...phase, kind: 'unverified', compared: 0 }, event.at, ofUncompared(event));
}

function onFailure(
  state: ControllerState,
  { at, message }: EventOf<'failure'>,
  { cooldownSamples }: ControlOptions,
): ControllerState {
  const phase: Phase = { kind: 'fallback', reason: 'failure', samplesLeft: cooldownSamples };
  const next = moved(state, phase, at, { reason: 'failure', detail: message });
  const fixed = state.fixed && doubtedFixed(state.fixed, 'failure');
  return { ...next, fixed, epoch: state.epoch + 1 };
}

function onSnapshot(
  state: ControllerState,
  event: EventOf<'snapshot'>,
  options: ControlOptions,
): ControllerState {
  if (state.mode === 'off') return state;
  const { phase } = state;
  if (isSearched(phase) && event.unjudged?.kind === 'vacuous') return unjudged(state, event);
  if (isSearched(phase)) return watchTraffic(state, phase, event, options);
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
    return moved(state, { kind: 'featureless' }, at, ofNoFeature(suggestion?.pole));
  }
  if (event.unjudged !== undefined) return unjudged(state, event);
  const { critical } = suggestion;
  const { phase } = state;
  const ladder = startedAt(suggestion.ladder, phase.kind === 'drifted' ? phase.roomy : null);
  const search = beginSearch(ladder, state.strikes, options);
  const words = ofSearch(suggestion, onTrial(search)?.threshold ?? null, state.strikes);
  return moved(state, { kind: 'trial', critical, search, drift: null }, at, words);
}

/** Dense: whatever the answers at a candidate were, the measure could not tell. */
function unjudged(state: ControllerState, { unjudged: why, at }: EventOf<'snapshot'>): ControllerState {
  if (why?.kind !== 'vacuous') return state;
  const isTold = state.phase.kind === 'featureless' && state.change.reason === 'vacuous';
  return isTold ? state : moved(state, { kind: 'featureless' }, at, ofVacuous(why.detail));
}

/** A threshold has room when its trial saw at most this share of the allowed loss. It is then proven again quickly. */
const ROOM = 0.3;

/** The applied threshold, where it has room. A search after a slow drift begins there, not at the bottom of the ladder. */
function roomyOf(phase: SearchedPhase, { allowedLoss }: ControlOptions): number | null {
  if (phase.kind === 'trial') return null;
  const { search, applied } = phase;
  const { proven } = search.lossAt;
  const isRoomy = search.proven === applied.rung && proven !== null && proven <= ROOM * allowedLoss;
  return isRoomy ? appliedRung(phase).threshold : null;
}

/** The ladder with its start raised to a threshold, or to its top. The trial there begins without evidence, as any other. */
function startedAt({ rungs, start }: Ladder, threshold: number | null): Ladder {
  if (threshold === null) return { rungs, start };
  const at = rungs.findIndex((rung) => rung.threshold >= threshold);
  return { rungs, start: Math.max(start, at < 0 ? rungs.length - 1 : at) };
}

/**
 * Two questions to the traffic: is it other traffic than the evidence is from? Then nothing is proven any more. Is its
 * critical point another? That is a reason to look again for whoever stays at the critical point; who climbs from there is
 * told by the answers.
 */
function watchTraffic(
  state: ControllerState,
  phase: SearchedPhase,
  { drift, hasMoved, at }: EventOf<'snapshot'>,
  options: ControlOptions,
): ControllerState {
  if (drift?.isDrift) {
    const next = moved(state, { kind: 'drifted', drift, roomy: roomyOf(phase, options) }, at, ofDrift(drift));
    // An operator's threshold was not proven on the old traffic either: its answers go on telling.
    const fixed = state.fixed && fixedOnOtherTraffic(state.fixed);
    return { ...next, fixed, epoch: state.epoch + 1, strikes: 0, disagreed: undefined };
  }
  if (hasMoved && options.policy === 'earliest')
    return moved(state, { kind: 'warming' }, at, ofMovedPoint(phase.critical));
  return drift === null ? state : { ...state, phase: { ...phase, drift } };
}
