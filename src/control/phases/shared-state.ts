import type { RungTest } from '../search/rung-tests.ts';
import type { Search } from '../search/search.ts';
import type { EventOf } from './event.ts';
import { type ControllerState, isSearched, type SearchedPhase } from './state.ts';

/**
 * What several replicas share of a state, and what each has of its own. The same for all: mode, phase, evidence, epoch. Its own:
 * whether pruning saves time on its machine, why it is dense all the same, and the numbers of the inputs that it has kept.
 */

/** A state without what is a replica's own. */
export function sharedPart({ heldBack: _, withheld: __, ...shared }: ControllerState): ControllerState {
  return shared;
}

/**
 * Names a search, so that results of one are not taken for those of another: a restart of its tests, and another ladder, have
 * another name. O(rungs) for the first time.
 */
export function searchName({ epoch, strikes, phase }: ControllerState): string | null {
  if (!isSearched(phase)) return null;
  const { rungs, tests } = phase.search;
  const every = tests?.kind === 'tested' ? tests.every : 0;
  const known = NAMES.get(rungs);
  if (known?.every === every && known.epoch === epoch && known.strikes === strikes) return known.name;
  const name = `${epoch}.${strikes}.${every}.${sumOf(JSON.stringify(rungs))}`;
  NAMES.set(rungs, { every, epoch, strikes, name });
  return name;
}

const NAMES = new WeakMap<
  Search['rungs'],
  { readonly every: number; readonly epoch: number; readonly strikes: number; readonly name: string }
>();

/** 52 bits of a text: two FNV-1a hashes of different beginnings. */
function sumOf(text: string): string {
  let [a, b] = [0x811c9dc5, 0x01000193];
  for (let i = 0; i < text.length; i++) {
    a = Math.imul(a ^ text.charCodeAt(i), 0x01000193);
    b = Math.imul(b ^ text.charCodeAt(i), 0x85ebca6b);
  }
  return (a >>> 0).toString(36) + ((b >>> 0) % 2 ** 20).toString(36);
}

/**
 * The state that another replica has come to, as this one goes on from it: its tests stand where this replica's own kept inputs do.
 * A search that it knows already keeps its array of rungs, by which runs under way tell that it is the same.
 *
 * @param own - this replica's state before.
 * @param unseen - number of the first own input that no test has seen.
 */
export function localized(shared: ControllerState, own: ControllerState, unseen: number): ControllerState {
  const state = withGated(shared, own);
  const { phase } = state;
  if (!isSearched(phase)) return state;
  if (phase.search.tests?.kind !== 'tested') {
    const rungs =
      searchName(shared) === searchName(own) && isSearched(own.phase) ? own.phase.search.rungs : undefined;
    return { ...state, phase: withRungs(phase, rungs) };
  }
  const isSame = searchName(shared) === searchName(own);
  const before = isSame && isSearched(own.phase) ? own.phase.search : null;
  const places = new Map(
    before?.tests?.kind === 'tested' ? before.tests.tests.map(({ rung, next }) => [rung, next]) : [],
  );
  const tests = phase.search.tests.tests.map((test) => ({ ...test, next: places.get(test.rung) ?? unseen }));
  return withTests({ ...state, phase: withRungs(phase, before?.rungs) }, tests);
}

/** Equal sites keep their array, too. */
function withGated(shared: ControllerState, { gated }: ControllerState): ControllerState {
  const isSame = shared.gated?.length === gated?.length && shared.gated?.every((x, i) => x === gated?.[i]);
  return isSame === true ? { ...shared, gated } : shared;
}

/** A replica that does not decide has shown an input to a test: it goes on to the next, and what that has shown is told to who decides. */
export function seenOnce(state: ControllerState, { rung, input }: EventOf<'tested'>): ControllerState {
  const { phase } = state;
  if (!isSearched(phase) || phase.search.tests?.kind !== 'tested') return state;
  const tests = phase.search.tests.tests.map((test) =>
    test.rung === rung && input >= test.next ? { ...test, next: input + 1 } : test,
  );
  return withTests(state, tests);
}

function withTests(state: ControllerState, tests: readonly RungTest[]): ControllerState {
  const { phase } = state;
  if (!isSearched(phase) || phase.search.tests?.kind !== 'tested') return state;
  const search: Search = { ...phase.search, tests: { ...phase.search.tests, tests } };
  return { ...state, phase: { ...phase, search } };
}

function withRungs(phase: SearchedPhase, rungs: Search['rungs'] | undefined): SearchedPhase {
  return rungs === undefined ? phase : { ...phase, search: { ...phase.search, rungs } };
}
