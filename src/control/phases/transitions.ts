import { RAMP_START } from '../rollout/ramp.ts';
import { dropped } from '../search/search.ts';
import { ownTrial } from './production.ts';
import type { Applied, Change, ControllerState, ControlOptions, Phase, PhaseOf } from './state.ts';

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

/**
 * Dense after a disagreement; twice as long after every further strike.
 *
 * @param disagreed - the threshold whose answers did; absent: there was none in production.
 */
export function struck(
  state: ControllerState,
  at: number,
  words: Pick<Change, 'reason' | 'detail'>,
  { cooldownSamples }: ControlOptions,
  disagreed?: number,
): ControllerState {
  const { strikes } = state;
  const samplesLeft = cooldownSamples * 2 ** strikes;
  const next = moved(state, { kind: 'fallback', reason: 'disagreement', samplesLeft }, at, words);
  const lowest = Math.min(state.disagreed ?? Number.POSITIVE_INFINITY, disagreed ?? Number.POSITIVE_INFINITY);
  const known = Number.isFinite(lowest) ? { disagreed: lowest } : {};
  return { ...next, ...known, strikes: Math.min(strikes + 1, MAX_STRIKES) };
}

/**
 * What production was at reaches it again from dense, in stages. Its own trial goes on; that of a higher threshold waits until
 * all of production is there.
 */
export function rampedAnew(phase: PhaseOf<'tracking' | 'unverified'>): PhaseOf<'tracking'> {
  const { critical, applied, drift } = phase;
  const search = ownTrial(phase) === null ? dropped(phase.search) : phase.search;
  const anew: Applied = { ...applied, ramp: RAMP_START, good: [], rest: null };
  return { kind: 'tracking', critical, search, applied: anew, drift };
}
