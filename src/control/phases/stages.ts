import { advance, isRamped, LAST_STAGE } from '../rollout/ramp.ts';
import { allowedStage, nextTrial } from '../search/search.ts';
import type { EventOf } from './event.ts';
import { appliedRung, ownTrial } from './production.ts';
import type { Applied, ControllerState, ControlOptions, PhaseOf } from './state.ts';
import { moved } from './transitions.ts';
import { ofExposure, ofStage } from './wording.ts';

/**
 * The ramp after one more comparison without an alarm. It goes no further than the evidence of an open trial allows.
 *
 * @param isFirst - of its block: of requests that resemble each other, a stage counts one.
 */
export function carriedOn(
  state: ControllerState,
  phase: PhaseOf<'tracking'>,
  event: EventOf<'comparison'>,
  isFirst: boolean,
  options: ControlOptions,
): ControllerState {
  const { applied, search } = phase;
  const { threshold } = appliedRung(phase);
  const trial = ownTrial(phase);
  const isDue = event.isDue && event.threshold === threshold;
  const allowed = trial === null ? LAST_STAGE : allowedStage(search, trial, options);
  const ramp = advance(applied.ramp, isDue, stageSamples(phase, options), allowed, isFirst);
  const isDone = isRamped(ramp);
  const next: Applied = { ...applied, ramp, rest: isDone ? null : applied.rest };
  if (ramp.stage === applied.ramp.stage) return { ...state, phase: { ...phase, applied: next } };
  const onward = isDone && isRested(next, options) ? nextTrial(search, options) : search;
  const words =
    trial === null
      ? ofStage(ramp, threshold, options)
      : ofExposure(ramp, threshold, trial.accept.observations, options);
  return moved(state, { ...phase, search: onward, applied: next }, event.at, words);
}

/** What is proven on kept inputs is only watched for a collapse, which four answers that are all lost show. */
const PROVEN_SHARE = 0.25;

/** Comparisons of its own that a stage of the ramp waits for. */
export function stageSamples(
  { search }: PhaseOf<'tracking'>,
  { rampSamples }: Pick<ControlOptions, 'rampSamples'>,
): number {
  return search.tests === null ? rampSamples : Math.ceil(PROVEN_SHARE * rampSamples);
}

/** Whether the last alarm is so long ago that a higher threshold may be tried again. */
export function isRested({ sinceAlarm }: Applied, { cooldownSamples }: ControlOptions): boolean {
  return sinceAlarm === null || sinceAlarm >= cooldownSamples;
}
