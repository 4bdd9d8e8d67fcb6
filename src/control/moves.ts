import { RAMP_START } from './ramp.ts';
import type { Change, ControllerState, ControlOptions, Phase } from './state.ts';

const MAX_STRIKES = 4;

/** The state in another phase, and why. */
export function moved(
  state: ControllerState,
  phase: Phase,
  at: number,
  words: Pick<Change, 'reason' | 'detail'>,
): ControllerState {
  return { ...state, phase, change: { at, ...words } };
}

/** Dense after a disagreement; twice as long after every further strike. */
export function struck(
  state: ControllerState,
  at: number,
  words: Pick<Change, 'reason' | 'detail'>,
  { cooldownSamples }: ControlOptions,
): ControllerState {
  const { strikes } = state;
  const samplesLeft = cooldownSamples * 2 ** strikes;
  const next = moved(state, { kind: 'fallback', reason: 'disagreement', samplesLeft }, at, words);
  return { ...next, strikes: Math.min(strikes + 1, MAX_STRIKES) };
}

/** What was proven while production was at something else reaches it in stages all the same. */
export function rampedAnew({ mode, phase }: Pick<ControllerState, 'mode' | 'phase'>): Phase {
  if (mode === 'auto' || phase.kind !== 'tracking') return phase;
  return { ...phase, applied: { ...phase.applied, ramp: RAMP_START, good: [] } };
}
