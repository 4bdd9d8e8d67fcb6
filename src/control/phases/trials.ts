import { freshWatch } from '../guard/watch.ts';
import { RAMP_CLIMB, RAMP_START } from '../rollout/ramp.ts';
import {
  allowedStage,
  nextTrial,
  observeTrial,
  onTrial,
  type Search,
  type Verdict,
} from '../search/search.ts';
import type { EventOf } from './event.ts';
import { ownTrial } from './production.ts';
import type { Applied, ControllerState, ControlOptions, PhaseOf, SearchedPhase } from './state.ts';
import { moved, struck } from './transitions.ts';
import { ofExposure, ofVerdict } from './wording.ts';

/** A comparison at a candidate that is not in production. */
export function onTrialPair(
  state: ControllerState,
  phase: PhaseOf<'trial'> | PhaseOf<'tracking'>,
  event: EventOf<'comparison'>,
  options: ControlOptions,
): ControllerState {
  const { at, threshold } = event;
  const trial = phase.search.trial!;
  const { search, verdict } = observeTrial(phase.search, trial, event, options);
  if (verdict === 'open') {
    const next = { ...phase, search };
    return next.kind === 'trial' ? exposedOnce(state, next, event, options) : { ...state, phase: next };
  }
  if (verdict === 'proven') {
    const next = applied(phase, search, trial.rung, options);
    return moved(state, next, at, ofVerdict(verdict, threshold, comparedIn(phase), options));
  }
  return unproven(state, phase, { search, verdict }, event, options);
}

/** Adds a comparison to the trial of the threshold in production, if that is still on trial. */
export function observeOwn(
  phase: PhaseOf<'tracking' | 'unverified'>,
  event: EventOf<'comparison'>,
  options: ControlOptions,
): { readonly search: Search; readonly verdict: Verdict } {
  const trial = ownTrial(phase);
  if (trial === null) return { search: phase.search, verdict: 'open' };
  return observeTrial(phase.search, trial, event, options);
}

/**
 * A trial has ended without a proof, and the next begins. What part of production was at is dense at once; what is proven
 * stays.
 */
export function unproven(
  state: ControllerState,
  phase: SearchedPhase,
  { search, verdict }: { readonly search: Search; readonly verdict: 'refuted' | 'given-up' },
  { at, threshold }: EventOf<'comparison'>,
  options: ControlOptions,
): ControllerState {
  const words = ofVerdict(verdict, threshold, comparedIn(phase), options);
  const onward = nextTrial(search, options);
  if (phase.kind === 'tracking' && ownTrial(phase) === null)
    return moved(state, { ...phase, search: onward }, at, words);
  const next = onTrial(onward);
  const consequence = next === null ? 'no candidate is left: dense' : `dense, trying τ = ${next.threshold}`;
  const told = { ...words, detail: `${words.detail}; ${consequence}` };
  if (next === null) return struck(state, at, told, options);
  const { critical, drift } = phase;
  return moved(state, { kind: 'trial', critical, search: onward, drift }, at, told);
}

/** Comparisons of the present trial, with the one that ends it. */
export function comparedIn({ search }: SearchedPhase): number {
  return search.trial!.accept.observations + 1;
}

/** The first stage of the ramp from dense, once as many answers were compared as any stage takes, and it is allowed. */
function exposedOnce(
  state: ControllerState,
  phase: PhaseOf<'trial'>,
  { at, threshold }: EventOf<'comparison'>,
  options: ControlOptions,
): ControllerState {
  const { search } = phase;
  const trial = search.trial!;
  const compared = trial.accept.observations;
  if (compared < options.rampSamples || allowedStage(search, trial, options) < RAMP_START.stage)
    return { ...state, phase };
  const words = ofExposure(RAMP_START, threshold, compared, options);
  return moved(state, applied(phase, search, trial.rung, options), at, words);
}

/** Production begins to move to a rung. */
export function applied(
  phase: PhaseOf<'trial' | 'tracking'>,
  search: Search,
  rung: number,
  options: ControlOptions,
): PhaseOf<'tracking'> {
  const { critical, drift } = phase;
  const before = phase.kind === 'tracking' ? phase.applied : null;
  const next: Applied = {
    rung,
    ramp: before === null || search.tests === null ? RAMP_START : RAMP_CLIMB,
    good: before === null ? [] : [...before.good, before.rung],
    watch: freshWatch(options),
    rest: before?.watch ?? null,
    sinceAlarm: before?.sinceAlarm ?? null,
  };
  return { kind: 'tracking', critical, search, applied: next, drift };
}
