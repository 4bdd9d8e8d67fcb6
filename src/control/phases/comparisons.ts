import { isFirstOf } from '../guard/blocks.ts';
import { isAlarmed, watched } from '../guard/watch.ts';
import { isRamped } from '../rollout/ramp.ts';
import { nextTrial, onTrial } from '../search/search.ts';
import { onAlarm } from './alarm.ts';
import type { EventOf } from './event.ts';
import { comparedFixed } from './fixed.ts';
import { climbed } from './ladder-tests.ts';
import { appliedRung, restRung } from './production.ts';
import { carriedOn, isRested } from './stages.ts';
import type { Applied, ControllerState, ControlOptions, PhaseOf } from './state.ts';
import { moved, rampedAnew, struck } from './transitions.ts';
import { comparedIn, observeOwn, onTrialPair, unproven } from './trials.ts';
import { ofAlarm, ofProof, ofReturn } from './wording.ts';

/** One comparison: evidence for or against the threshold that is in production or on trial. */
export function onComparison(
  state: ControllerState,
  event: EventOf<'comparison'>,
  options: ControlOptions,
): ControllerState {
  const { threshold } = event;
  if (state.mode === 'off') return state;
  if (state.mode === 'fixed') return onFixedPair(state, event, options);
  const { phase } = state;
  if (phase.kind === 'unverified') return onWithheldComparison(state, phase, event, options);
  if (phase.kind === 'tracking') {
    if (threshold === appliedRung(phase).threshold) return onAppliedPair(state, phase, event, options);
    if (threshold === restRung(phase)?.threshold) return onRestPair(state, phase, event, options);
  }
  if (phase.kind !== 'trial' && phase.kind !== 'tracking') return state;
  if (threshold !== onTrial(phase.search)?.threshold) return state;
  return onTrialPair(state, phase, event, options);
}

function onFixedPair(
  state: ControllerState,
  event: EventOf<'comparison'>,
  options: ControlOptions,
): ControllerState {
  const { fixed } = state;
  const { at, threshold } = event;
  if (fixed === null || threshold !== fixed.threshold) return state;
  const next = comparedFixed(fixed, event, options);
  if (next === fixed) return state;
  if (next.doubt === fixed.doubt) return { ...state, fixed: next };
  const words =
    next.doubt === null
      ? ofReturn(threshold, fixed.compared + 1)
      : ofAlarm(threshold, next.watch, 'dense until the operator decides', options);
  return { ...state, fixed: next, change: { at, ...words } };
}

/** A comparison at the candidate in production. It may decide the candidate's trial, raise the alarm, or end a stage of the ramp. */
function onAppliedPair(
  state: ControllerState,
  before: PhaseOf<'tracking'>,
  event: EventOf<'comparison'>,
  options: ControlOptions,
): ControllerState {
  const { search, verdict } = observeOwn(before, event, options);
  if (verdict === 'refuted' || verdict === 'given-up')
    return unproven(state, before, { search, verdict }, event, options);
  const phase = { ...before, search };
  const { applied } = phase;
  const isFirst = isFirstOf(applied.watch.open, event.unit, event.isDue);
  const watch = watched(applied.watch, event.loss, event.unit, event.isDue);
  if (isAlarmed(watch, options))
    return onAlarm(state, { ...phase, applied: { ...applied, watch } }, event, options);
  const sinceAlarm = applied.sinceAlarm === null ? null : applied.sinceAlarm + 1;
  const next: Applied = { ...applied, watch, sinceAlarm };
  if (!isRamped(applied.ramp)) {
    const carried = carriedOn(state, { ...phase, applied: next }, event, isFirst, options);
    if (verdict === 'open') return carried;
    const words = ofProof(carried.phase, event.threshold, comparedIn(before), options);
    return moved(carried, carried.phase, event.at, words);
  }
  if (search.tests !== null) return climbed(state, { ...phase, applied: next }, event.at, options);
  const mayClimbAgain = sinceAlarm !== null && search.trial === null && isRested(next, options);
  const onward = mayClimbAgain ? nextTrial(search, options) : search;
  return { ...state, phase: { ...phase, search: onward, applied: next } };
}

/** A comparison at the lower threshold that the rest of production runs at. Loss grows with τ, so it speaks against the candidate too. */
function onRestPair(
  state: ControllerState,
  phase: PhaseOf<'tracking'>,
  event: EventOf<'comparison'>,
  options: ControlOptions,
): ControllerState {
  const { applied } = phase;
  const isFirst = isFirstOf(applied.rest!.open, event.unit);
  const rest = watched(applied.rest!, event.loss, event.unit, event.isDue);
  if (!isAlarmed(rest, options))
    return carriedOn(state, { ...phase, applied: { ...applied, rest } }, event, isFirst, options);
  const below: Applied = {
    ...applied,
    rung: applied.good.at(-1)!,
    good: applied.good.slice(0, -1),
    watch: rest,
    rest: null,
  };
  return onAlarm(state, { ...phase, applied: below }, event, options);
}

/** A comparison at a threshold that is withheld from production. After enough of them in a row the ramp begins again. */
function onWithheldComparison(
  state: ControllerState,
  before: PhaseOf<'unverified'>,
  event: EventOf<'comparison'>,
  options: ControlOptions,
): ControllerState {
  if (event.threshold !== appliedRung(before).threshold) return state;
  const { search, verdict } = observeOwn(before, event, options);
  if (verdict === 'refuted' || verdict === 'given-up')
    return unproven(state, before, { search, verdict }, event, options);
  const { applied } = before;
  const watch = watched(applied.watch, event.loss, event.unit, event.isDue);
  if (isAlarmed(watch, options))
    return struck(
      state,
      event.at,
      ofAlarm(event.threshold, watch, 'dense', options),
      options,
      event.threshold,
    );
  const compared = before.compared + (isFirstOf(applied.watch.open, event.unit) ? 1 : 0);
  const phase = { ...before, search, compared, applied: { ...applied, watch } };
  if (compared >= options.rampSamples)
    return moved(state, rampedAnew(phase), event.at, ofReturn(event.threshold, compared));
  if (verdict === 'open') return { ...state, phase };
  return moved(state, phase, event.at, ofProof(phase, event.threshold, comparedIn(before), options));
}
