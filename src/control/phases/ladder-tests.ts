import { freshWatch } from '../guard/watch.ts';
import { isRamped, RAMP_DONE } from '../rollout/ramp.ts';
import { meanLoss } from '../search/rung-tests.ts';
import { isExhausted, type Search, withTested, withTests, withTestsAnew } from '../search/search.ts';
import type { EventOf } from './event.ts';
import { isRested } from './stages.ts';
import {
  type Applied,
  type Change,
  type ControllerState,
  type ControlOptions,
  isSearched,
  type PhaseOf,
  type SearchedPhase,
} from './state.ts';
import { moved, struck } from './transitions.ts';
import { applied } from './trials.ts';
import { ofExhausted, ofPilot, ofProvenRung, ofRefuted, ofRespaced } from './wording.ts';

/** A higher threshold that is proven is worth a ramp of its own when it prunes so much more, as a share of activations. */
const LEAST_CLIMB = 0.005;

/** The pilot has shown which rungs are worth a test. */
export function onPilot(
  state: ControllerState,
  event: EventOf<'pilot'>,
  options: ControlOptions,
): ControllerState {
  const { phase } = state;
  if (phase.kind !== 'trial' || phase.search.tests?.kind !== 'pilot') return state;
  const search = withTests(phase.search, event, highestOf(phase.search, state), options);
  return moved(state, { ...phase, search }, event.at, ofPilot(search));
}

/**
 * The highest rung that may be tested. After a strike, one below what disagreed, and half of the way up to that after every further
 * one; where nothing in production did, no rung above the search's start.
 */
function highestOf({ rungs, start }: Search, { strikes, disagreed }: ControllerState): number {
  if (strikes === 0) return rungs.length - 1;
  if (disagreed === undefined) return start;
  const below = rungs.findLastIndex(({ threshold }) => threshold < disagreed);
  return Math.max(0, below) >> (strikes - 1);
}

/** One rung on one kept input. A proof brings it to production, in stages, once what is there has all of it. */
export function onTested(
  state: ControllerState,
  event: EventOf<'tested'>,
  options: ControlOptions,
): ControllerState {
  const { phase } = state;
  if (!isSearched(phase)) return state;
  const search = withTested(phase.search, event, options);
  if (search === phase.search) return state;
  const { at } = event;
  if (phase.kind === 'tracking' && isRefuted(phase.applied, search))
    return dense(state, { ...phase, search }, at, ofRefuted(search.rungs[phase.applied.rung]!.threshold));
  if (phase.kind === 'tracking') return climbed(state, { ...phase, search }, at, options);
  if (phase.kind === 'unverified') return { ...state, phase: { ...phase, search } };
  if (search.proven >= 0) return risen(state, { ...phase, search }, at, options);
  if (isExhausted(search)) return struck(state, at, ofExhausted(search, options), options);
  return { ...state, phase: { ...phase, search } };
}

/** The state with the highest proven threshold on its way to production, where that is higher than what all of it is at. */
export function climbed(
  state: ControllerState,
  phase: PhaseOf<'tracking'>,
  at: number,
  options: ControlOptions,
): ControllerState {
  const { search, applied: present } = phase;
  const { rungs, proven } = search;
  const mayClimb = search.tests !== null && isRamped(present.ramp) && isRested(present, options);
  const gain = (rungs[proven]?.sparsity ?? 0) - rungs[present.rung]!.sparsity;
  return mayClimb && proven > present.rung && gain >= LEAST_CLIMB
    ? risen(state, phase, at, options)
    : { ...state, phase };
}

/**
 * All tests begin anew: what they had proven is not proven any more. What all of production is at stays there under its guard, until
 * it is proven again or its test says otherwise; what was on its way there is dense, or back at what was before it.
 */
export function onRespaced(
  state: ControllerState,
  { at, next, every }: EventOf<'respaced'>,
  options: ControlOptions,
): ControllerState {
  const { phase } = state;
  if (!isSearched(phase) || phase.search.tests?.kind !== 'tested') return state;
  const search = withTestsAnew(phase.search, next, every, options);
  if (isExhausted(search)) return struck(state, at, ofExhausted(search, options), options);
  const kept = phase.kind === 'tracking' ? ofAll(phase.applied, options) : null;
  if (phase.kind !== 'tracking' || kept === null)
    return dense(state, { ...phase, search }, at, ofRespaced(every, null));
  const words = ofRespaced(every, search.rungs[kept.rung]!.threshold);
  return moved(state, { ...phase, search, applied: kept }, at, words);
}

/** What all of production is at, or was before a ramp began; null: it was dense. */
function ofAll(applied: Applied, options: ControlOptions): Applied | null {
  if (isRamped(applied.ramp)) return applied;
  const before = applied.good.at(-1);
  if (before === undefined) return null;
  const watch = applied.rest ?? freshWatch(options);
  return { ...applied, rung: before, ramp: RAMP_DONE, good: applied.good.slice(0, -1), watch, rest: null };
}

/** Whether tests that began anew speak against what production has kept meanwhile. */
function isRefuted({ rung }: Applied, { tests, proven }: Search): boolean {
  if (proven >= rung || tests?.kind !== 'tested') return false;
  return tests.tests.some((test) => test.rung === rung && test.isDropped);
}

/** Until something is proven. */
function dense(
  state: ControllerState,
  { critical, search, drift }: SearchedPhase,
  at: number,
  words: Pick<Change, 'reason' | 'detail'>,
): ControllerState {
  return moved(state, { kind: 'trial', critical, search, drift }, at, words);
}

function risen(
  state: ControllerState,
  phase: PhaseOf<'trial' | 'tracking'>,
  at: number,
  options: ControlOptions,
): ControllerState {
  const { search } = phase;
  const { threshold, test } = provenIn(search);
  const words = ofProvenRung(threshold, test.evidence.observations, meanLoss(test), options);
  return moved(state, applied(phase, search, search.proven, options), at, words);
}

function provenIn({ rungs, proven, tests }: Search) {
  const all = tests?.kind === 'tested' ? tests.tests : [];
  return { threshold: rungs[proven]!.threshold, test: all.find(({ rung }) => rung === proven)! };
}
