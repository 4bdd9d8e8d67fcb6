import type { EventOf } from './event.ts';
import { observeAfresh, wealth } from './evidence.ts';
import { moved, rampedAnew, struck } from './moves.ts';
import { advance, isRamped, RAMP_DONE, RAMP_START } from './ramp.ts';
import { nextTrial, observeTrial, onTrial, refute, type Search } from './search.ts';
import { type Applied, alarmOf, type ControllerState, type ControlOptions, type PhaseOf } from './state.ts';
import { ofAlarm, ofReturn, ofStage, ofVerdict } from './wording.ts';

/** Comparisons that the recent loss remembers, about. */
const RECENT = 16;
/** A recent loss so many times what is allowed is none that a step back would mend. */
const COLLAPSE = 4;

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
  const words = ofAlarm(event.threshold, wealth(alarm), 'dense until the operator decides', options);
  return { ...state, fixed: { ...fixed, alarm, isRevoked: true }, change: { at: event.at, ...words } };
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
  const isRested = sinceAlarm === null || sinceAlarm >= options.cooldownSamples;
  const ramp = advance(applied.ramp, options.rampSamples);
  const next: Applied = { ...applied, alarm, recentLoss, ramp, sinceAlarm };
  if (ramp.stage === applied.ramp.stage) {
    const isDue = sinceAlarm !== null && isRested && search.trial === null && isRamped(ramp);
    return {
      ...state,
      phase: { ...phase, search: isDue ? nextTrial(search, options) : search, applied: next },
    };
  }
  const onward = isRested && isRamped(ramp) ? nextTrial(search, options) : search;
  const words = ofStage(ramp, event.threshold, options);
  return moved(state, { ...phase, search: onward, applied: next }, event.at, words);
}

/** A comparison in the shadow, at the threshold that is withheld: enough of them in a row, and it comes back. */
function onWithheldPair(
  state: ControllerState,
  phase: PhaseOf<'unverified'>,
  event: EventOf<'pair'>,
  options: ControlOptions,
): ControllerState {
  const { applied, search } = phase;
  if (event.threshold !== search.rungs[applied.rung]!.threshold) return state;
  const alarm = observeAfresh(applied.alarm, event.loss);
  if (wealth(alarm) >= options.alarmRunLength)
    return struck(state, event.at, ofAlarm(event.threshold, wealth(alarm), 'dense', options), options);
  const compared = phase.compared + 1;
  const next = { ...phase, compared, applied: { ...applied, alarm } };
  if (compared < options.rampSamples) return { ...state, phase: next };
  return moved(state, rampedAnew(next), event.at, ofReturn(event.threshold, compared));
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
  if (lastGood === undefined || isAgain)
    return struck(state, event.at, ofAlarm(event.threshold, e, 'dense', options), options);
  const back: Applied = {
    rung: lastGood,
    ramp: RAMP_DONE,
    good: applied.good.slice(0, -1),
    alarm: alarmOf(options),
    recentLoss: 0,
    sinceAlarm: 0,
  };
  const consequence = `back to τ = ${search.rungs[lastGood]!.threshold}`;
  const words = ofAlarm(event.threshold, e, consequence, options);
  const next = refute(search, applied.rung, lastGood);
  return moved(state, { ...phase, search: next, applied: back }, event.at, words);
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
