import { onPair } from './comparisons.ts';
import type { ControlEvent, EventOf } from './event.ts';
import { moved, rampedAnew } from './moves.ts';
import { isSeeking } from './production.ts';
import { beginSearch, onTrial } from './search.ts';
import { alarmOf, type ControllerState, type ControlOptions, type Phase, type PhaseOf } from './state.ts';
import { ofDrift, ofMode, ofMovedPoint, ofNoFeature, ofSearch } from './wording.ts';

/** The controller: a pure fold over events. Returns the same object when nothing changed. */
export function step(state: ControllerState, event: ControlEvent, options: ControlOptions): ControllerState {
  switch (event.kind) {
    case 'mode':
      return onMode(state, event, options);
    case 'pair':
      return onPair(state, event, options);
    case 'failure':
      return onFailure(state, event, options);
    case 'snapshot':
      return onSnapshot(state, event, options);
  }
}

function onMode(state: ControllerState, event: EventOf<'mode'>, options: ControlOptions): ControllerState {
  const { mode, threshold = 0, at } = event;
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
    change: { at, ...ofMode(event) },
  };
}

function onFailure(
  state: ControllerState,
  { at, message }: EventOf<'failure'>,
  { cooldownSamples }: ControlOptions,
): ControllerState {
  const phase: Phase = { kind: 'fallback', reason: 'failure', samplesLeft: cooldownSamples };
  const next = moved(state, phase, at, { reason: 'failure', detail: message });
  return { ...next, epoch: state.epoch + 1 };
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
    return moved(state, { kind: 'featureless' }, at, ofNoFeature());
  }
  const { critical, ladder } = suggestion;
  const search = beginSearch(ladder, state.strikes, options);
  const words = ofSearch(critical, onTrial(search)!.threshold, state.strikes);
  return moved(state, { kind: 'trial', critical, search, drift: null }, at, words);
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
    const next = moved(state, { kind: 'drifted', drift }, at, ofDrift(drift));
    return { ...next, epoch: state.epoch + 1, strikes: 0 };
  }
  if (hasMoved && options.policy === 'earliest')
    return moved(state, { kind: 'warming' }, at, ofMovedPoint(phase.critical));
  return drift === null ? state : { ...state, phase: { ...phase, drift } };
}
