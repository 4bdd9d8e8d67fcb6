import { freshWatch, isCollapse } from '../guard/watch.ts';
import { RAMP_DONE } from '../rollout/ramp.ts';
import { refute } from '../search/search.ts';
import type { EventOf } from './event.ts';
import type { Applied, ControllerState, ControlOptions, PhaseOf } from './state.ts';
import { moved, struck } from './transitions.ts';
import { ofAlarm } from './wording.ts';

/** Production goes back to the last good threshold; to dense after a second alarm in a short time, or where answers are far off. */
export function onAlarm(
  state: ControllerState,
  phase: PhaseOf<'tracking'>,
  { at, threshold }: EventOf<'comparison'>,
  options: ControlOptions,
): ControllerState {
  const { applied, search } = phase;
  const { watch } = applied;
  const lastGood = isCollapse(watch, options) ? undefined : applied.good.at(-1);
  const isAgain = applied.sinceAlarm !== null && applied.sinceAlarm < options.cooldownSamples;
  if (lastGood === undefined || isAgain)
    return struck(state, at, ofAlarm(threshold, watch, 'dense', options), options, threshold);
  const back: Applied = {
    rung: lastGood,
    ramp: RAMP_DONE,
    good: applied.good.slice(0, -1),
    watch: applied.rest ?? freshWatch(options),
    rest: null,
    sinceAlarm: 0,
  };
  const words = ofAlarm(threshold, watch, `back to τ = ${search.rungs[lastGood]!.threshold}`, options);
  const next = refute(search, applied.rung, lastGood, options);
  return moved(state, { ...phase, search: next, applied: back }, at, words);
}
