import { isSuspicious } from '../guard/watch.ts';
import { isRamped, isSeen, rampShare } from '../rollout/ramp.ts';
import { isUrgentFixed, isWithheldFixed } from './fixed.ts';
import { stageSamples } from './stages.ts';
import type { ControllerState, ControlOptions } from './state.ts';

/**
 * How much a request is wanted: `usual`, by the ratio; `welcome`, as far as the budget comes in; `suspect`, as far as half of
 * the reserve goes, too; `urgent`, as far as all of it goes.
 */
export type Interest = 'usual' | 'welcome' | 'suspect' | 'urgent';

/**
 * How much a request at a position is wanted as a sample: `urgent` where it is what a stage of a ramp wants, or answers have
 * just disagreed; `welcome` while something is still to be found out; else as usual.
 *
 * A stage that has seen enough and waits for the evidence of its trial wants no more: that is about all requests alike.
 */
export function interestIn(
  { mode, fixed, phase }: ControllerState,
  position: number,
  options: Pick<ControlOptions, 'rampSamples'>,
): Interest {
  if (mode === 'off') return 'usual';
  if (mode === 'fixed') {
    if (fixed !== null && isUrgentFixed(fixed)) return 'urgent';
    return fixed !== null && isWithheldFixed(fixed) ? 'welcome' : 'usual';
  }
  // Then the evidence is from kept inputs, which need no sample.
  if (phase.kind === 'trial' && phase.search.tests !== null) return 'usual';
  if (phase.kind !== 'tracking') return 'welcome';
  const { watch, rest, ramp } = phase.applied;
  if (isSuspicious(watch) || (rest !== null && isSuspicious(rest))) return 'urgent';
  if (!isRamped(ramp)) {
    const isWanted = position < rampShare(ramp) && !isSeen(ramp, stageSamples(phase, options));
    return isWanted ? 'urgent' : 'welcome';
  }
  return phase.search.trial === null ? 'usual' : 'welcome';
}
