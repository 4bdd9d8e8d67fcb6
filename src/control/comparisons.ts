import type { EventOf } from './event.ts';
import { comparedFixed } from './fixed.ts';
import { moved, rampedAnew, struck } from './moves.ts';
import { appliedRung, restRung } from './production.ts';
import { advance, isRamped, RAMP_DONE, RAMP_START } from './ramp.ts';
import { nextTrial, observeTrial, onTrial, refute, type Search } from './search.ts';
import type { Applied, ControllerState, ControlOptions, PhaseOf } from './state.ts';
import { freshWatch, isAlarmed, isCollapse, watched } from './watch.ts';
import { ofAlarm, ofReturn, ofStage, ofVerdict } from './wording.ts';

/** A sampled request was answered both ways: evidence for or against what is in production, or on trial. */
export function onPair(
  state: ControllerState,
  event: EventOf<'pair'>,
  options: ControlOptions,
): ControllerState {
  const { threshold } = event;
  if (state.mode === 'off') return state;
  if (state.mode === 'fixed') return onFixedPair(state, event, options);
  const { phase } = state;
  if (phase.kind === 'unverified') return onWithheldPair(state, phase, event, options);
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
  event: EventOf<'pair'>,
  options: ControlOptions,
): ControllerState {
  const { fixed } = state;
  const { at, threshold } = event;
  if (fixed === null || threshold !== fixed.threshold) return state;
  const next = comparedFixed(fixed, event.loss, options);
  if (next === fixed) return state;
  if (next.doubt === fixed.doubt) return { ...state, fixed: next };
  const words =
    next.doubt === null
      ? ofReturn(threshold, fixed.compared + 1)
      : ofAlarm(threshold, next.watch, 'dense until the operator decides', options);
  return { ...state, fixed: next, change: { at, ...words } };
}

/** A comparison at the newest threshold in production: it raises the alarm, or carries the ramp on. */
function onAppliedPair(
  state: ControllerState,
  phase: PhaseOf<'tracking'>,
  event: EventOf<'pair'>,
  options: ControlOptions,
): ControllerState {
  const { applied, search } = phase;
  const watch = watched(applied.watch, event.loss);
  if (isAlarmed(watch, options))
    return onAlarm(state, { ...phase, applied: { ...applied, watch } }, event, options);
  const sinceAlarm = applied.sinceAlarm === null ? null : applied.sinceAlarm + 1;
  const next: Applied = { ...applied, watch, sinceAlarm };
  if (!isRamped(applied.ramp)) return carriedOn(state, { ...phase, applied: next }, event, options);
  const mayClimbAgain = sinceAlarm !== null && search.trial === null && isRested(next, options);
  const onward = mayClimbAgain ? nextTrial(search, options) : search;
  return { ...state, phase: { ...phase, search: onward, applied: next } };
}

/** A comparison of what the ramp has not reached yet: what disagrees below, disagrees above too. */
function onRestPair(
  state: ControllerState,
  phase: PhaseOf<'tracking'>,
  event: EventOf<'pair'>,
  options: ControlOptions,
): ControllerState {
  const { applied } = phase;
  const rest = watched(applied.rest!, event.loss);
  if (!isAlarmed(rest, options))
    return carriedOn(state, { ...phase, applied: { ...applied, rest } }, event, options);
  const below: Applied = {
    ...applied,
    rung: applied.good.at(-1)!,
    good: applied.good.slice(0, -1),
    watch: rest,
    rest: null,
  };
  return onAlarm(state, { ...phase, applied: below }, event, options);
}

/** The ramp after one more comparison without an alarm. */
function carriedOn(
  state: ControllerState,
  phase: PhaseOf<'tracking'>,
  event: EventOf<'pair'>,
  options: ControlOptions,
): ControllerState {
  const { applied, search } = phase;
  const { threshold } = appliedRung(phase);
  const isDue = event.isDue && event.threshold === threshold;
  const ramp = advance(applied.ramp, isDue, options.rampSamples);
  const isDone = isRamped(ramp);
  const next: Applied = { ...applied, ramp, rest: isDone ? null : applied.rest };
  if (ramp.stage === applied.ramp.stage) return { ...state, phase: { ...phase, applied: next } };
  const onward = isDone && isRested(next, options) ? nextTrial(search, options) : search;
  const words = ofStage(ramp, threshold, options);
  return moved(state, { ...phase, search: onward, applied: next }, event.at, words);
}

/** Whether the last alarm is so long ago that a higher threshold may be tried again. */
function isRested({ sinceAlarm }: Applied, { cooldownSamples }: ControlOptions): boolean {
  return sinceAlarm === null || sinceAlarm >= cooldownSamples;
}

/** A comparison in the shadow, at the threshold that is withheld: enough of them in a row, and it comes back. */
function onWithheldPair(
  state: ControllerState,
  phase: PhaseOf<'unverified'>,
  event: EventOf<'pair'>,
  options: ControlOptions,
): ControllerState {
  const { applied } = phase;
  if (event.threshold !== appliedRung(phase).threshold) return state;
  const watch = watched(applied.watch, event.loss);
  if (isAlarmed(watch, options))
    return struck(state, event.at, ofAlarm(event.threshold, watch, 'dense', options), options);
  const compared = phase.compared + 1;
  const next = { ...phase, compared, applied: { ...applied, watch } };
  if (compared < options.rampSamples) return { ...state, phase: next };
  return moved(state, rampedAnew(next), event.at, ofReturn(event.threshold, compared));
}

/** Back to the last threshold that was good, unless that was tried just now or the answers are far off; else to dense. */
function onAlarm(
  state: ControllerState,
  phase: PhaseOf<'tracking'>,
  { at, threshold }: EventOf<'pair'>,
  options: ControlOptions,
): ControllerState {
  const { applied, search } = phase;
  const { watch } = applied;
  const lastGood = isCollapse(watch, options) ? undefined : applied.good.at(-1);
  const isAgain = applied.sinceAlarm !== null && applied.sinceAlarm < options.cooldownSamples;
  if (lastGood === undefined || isAgain)
    return struck(state, at, ofAlarm(threshold, watch, 'dense', options), options);
  const back: Applied = {
    rung: lastGood,
    ramp: RAMP_DONE,
    good: applied.good.slice(0, -1),
    watch: applied.rest ?? freshWatch(options),
    rest: null,
    sinceAlarm: 0,
  };
  const words = ofAlarm(threshold, watch, `back to τ = ${search.rungs[lastGood]!.threshold}`, options);
  const next = refute(search, applied.rung, lastGood);
  return moved(state, { ...phase, search: next, applied: back }, at, words);
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
  const words = ofVerdict(verdict, event.threshold, trial.accept.observations + 1, options);
  if (verdict === 'proven') return moved(state, apply(phase, search, options), event.at, words);
  const onward = nextTrial(search, options);
  if (onward.trial !== null || phase.kind === 'tracking')
    return moved(state, { ...phase, search: onward }, event.at, words);
  const detail = `${words.detail}; no candidate is left: dense`;
  return struck(state, event.at, { ...words, detail }, options);
}

/** Production begins to move to the rung that was just proven. */
function apply(
  phase: PhaseOf<'trial'> | PhaseOf<'tracking'>,
  search: Search,
  options: ControlOptions,
): PhaseOf<'tracking'> {
  const { critical, drift } = phase;
  const before = phase.kind === 'tracking' ? phase.applied : null;
  const applied: Applied = {
    rung: search.proven,
    ramp: RAMP_START,
    good: before === null ? [] : [...before.good, before.rung],
    watch: freshWatch(options),
    rest: before?.watch ?? null,
    sinceAlarm: before?.sinceAlarm ?? null,
  };
  return { kind: 'tracking', critical, search, applied, drift };
}
