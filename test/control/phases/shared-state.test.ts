import { describe, expect, it } from 'vitest';
import { step } from '../../../src/control/phases/controller.ts';
import type { ControlEvent } from '../../../src/control/phases/event.ts';
import { production, stateName } from '../../../src/control/phases/production.ts';
import { localized, searchName, seenOnce, sharedPart } from '../../../src/control/phases/shared-state.ts';
import { type ControllerState, initialState, isSearched } from '../../../src/control/phases/state.ts';
import { OPTIONS, snapshot } from '../events.ts';

const KEEPING = { ...OPTIONS, keepsInputs: true };

function heard(state: ControllerState, ...events: readonly ControlEvent[]): ControllerState {
  return events.reduce((before, event) => step(before, event, KEEPING), state);
}

const result = (input: number, rung = 12, loss = 0): ControlEvent => ({
  kind: 'tested',
  at: 3,
  rung,
  input,
  loss,
});

/** A search whose tests may see inputs from a number on. */
function searched(next: number, every = 1): ControllerState {
  const losses = [4, 8, 11, 12, 15].map((rung) => [rung, rung < 12 ? 0 : 0.2] as const);
  return heard(initialState('auto', undefined, KEEPING), snapshot([0.5]), {
    kind: 'pilot',
    at: 2,
    losses,
    next,
    every,
  });
}

function testsOf({ phase }: ControllerState) {
  const tests = isSearched(phase) ? phase.search.tests : null;
  return tests?.kind === 'tested' ? tests.tests : [];
}

const rungsOf = ({ phase }: ControllerState) => (isSearched(phase) ? phase.search.rungs : null);
const told = (state: ControllerState): ControllerState => JSON.parse(JSON.stringify(sharedPart(state)));

describe('a result of another replica', () => {
  it('counts as one of this replica does, and says nothing of which inputs this one has seen', () => {
    const rung = testsOf(searched(0))[0]!.rung;
    const own = heard(searched(100), ...Array.from({ length: 9 }, (_, i) => result(100 + i, rung)));
    const foreign = heard(searched(100), ...Array.from({ length: 9 }, () => result(-1, rung)));
    expect(testsOf(foreign)[0]!.evidence).toEqual(testsOf(own)[0]!.evidence);
    expect([testsOf(own)[0]!.next, testsOf(foreign)[0]!.next]).toEqual([109, 100]);
    expect(testsOf(heard(foreign, result(100, rung)))[0]!.next).toBe(101);
  });
});

describe('a state that another replica has come to', () => {
  it('is gone on from with the own inputs, and keeps the rungs of a search that is known', () => {
    const decides = searched(160);
    const first = localized(told(decides), initialState('auto', undefined, KEEPING), 7);
    expect(testsOf(first).map(({ next }) => next)).toEqual(testsOf(decides).map(() => 7));
    const { rung } = testsOf(first)[0]!;
    const after = seenOnce(first, { kind: 'tested', at: 3, rung, input: 9, loss: 0 });
    const later = localized(told(heard(decides, result(160, rung))), after, 99);
    expect(rungsOf(later)).toBe(rungsOf(first));
    expect(testsOf(later)[0]).toMatchObject({ next: 10, evidence: { observations: 1 } });
    expect(testsOf(later)[1]!.next).toBe(7);
  });

  it('has a search of its own where tests began anew', () => {
    const [near, far] = [searched(160), searched(160, 12)];
    expect(searchName(near)).toBe(searchName(told(near)));
    expect(searchName(far)).not.toBe(searchName(near));
    const localState = localized(told(near), initialState('auto', undefined, KEEPING), 7);
    expect(testsOf(localized(told(far), localState, 50)).every(({ next }) => next === 50)).toBe(true);
    expect(searchName(initialState('auto', undefined, KEEPING))).toBeNull();
  });

  it('leaves what is of this machine alone', () => {
    const own: ControllerState = {
      ...initialState('auto', undefined, KEEPING),
      heldBack: 'unmeasured',
      withheld: 'failure',
    };
    const adopted = heard(own, { kind: 'adopted', at: 5, state: told(searched(0)) });
    expect(adopted).toMatchObject({ heldBack: 'unmeasured', withheld: 'failure', phase: { kind: 'trial' } });
    expect(sharedPart(adopted)).not.toHaveProperty('withheld');
  });

  it('is not changed by an input that a test is past', () => {
    const state = searched(160);
    const { rung } = testsOf(state)[0]!;
    const event = { kind: 'tested', at: 3, rung, input: 150, loss: 0 } as const;
    expect(testsOf(seenOnce(state, event))).toEqual(testsOf(state));
  });
});

describe('a replica that is withheld', () => {
  const fixed = initialState('fixed', 0.5, KEEPING);
  const withhold = (withheld: ControllerState['withheld']): ControlEvent => ({
    kind: 'withheld',
    at: 9,
    withheld,
    detail: 'why',
  });

  it('is dense, says why, and does as all do afterwards', () => {
    const dense = heard(fixed, withhold('disagreement'));
    expect([production(dense).threshold, stateName(dense)]).toEqual([0, 'fallback']);
    expect(dense.change).toEqual({ at: 9, reason: 'disagreement', detail: 'why' });
    expect(stateName(heard(fixed, withhold('unverified')))).toBe('unverified');
    const back = heard(dense, withhold(undefined));
    expect([production(back).threshold, stateName(back)]).toEqual([0.5, 'fixed']);
    expect(back.change.reason).toBe('shared');
  });

  it('says nothing twice', () => {
    const dense = heard(fixed, withhold('unshared'));
    expect(heard(dense, withhold('unshared'))).toBe(dense);
  });

  it('is off where the operator says so', () => {
    const off = heard(fixed, withhold('failure'), { kind: 'mode', at: 10, mode: 'off' });
    expect(stateName(off)).toBe('off');
  });
});
