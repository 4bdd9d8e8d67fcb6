import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Mode } from '../../../src/config/modes.ts';
import { step } from '../../../src/control/phases/controller.ts';
import type { ControlEvent } from '../../../src/control/phases/event.ts';
import { lastGoodOf } from '../../../src/control/phases/last-good.ts';
import {
  appliedRung,
  appliedThreshold,
  comparedThresholds,
  production,
  stateName,
} from '../../../src/control/phases/production.ts';
import { type ControllerState, initialState } from '../../../src/control/phases/state.ts';
import { OPTIONS, pair, snapshot } from '../events.ts';

const told = (state: ControllerState, ...events: readonly ControlEvent[]) =>
  events.reduce((before, event) => step(before, event, OPTIONS), state);
const mode = (to: Mode, threshold?: number): ControlEvent => ({
  kind: 'mode',
  at: 5,
  mode: to,
  ...(threshold === undefined ? {} : { threshold }),
});
const reasonIn = (state: ControllerState) => {
  const found = lastGoodOf(state);
  return found.kind === 'none' ? found.reason : null;
};

/** Answers agree, until so many thresholds have had all of production. */
function climbed(count: number): { readonly state: ControllerState; readonly wholes: readonly number[] } {
  let state = told(initialState('auto', undefined, OPTIONS), snapshot([0.5]));
  const wholes: number[] = [];
  for (let i = 0; i < 20_000 && wholes.length < count; i++) {
    for (const threshold of comparedThresholds(state)) state = step(state, pair(threshold, 0), OPTIONS);
    const { threshold, share } = production(state);
    if (share === 1 && threshold > 0 && threshold !== wholes.at(-1)) wholes.push(threshold);
  }
  return { state, wholes };
}

describe('the last good threshold', () => {
  const { state, wholes } = climbed(3);

  it('is the one that had all of production before, and is not there with the first', () => {
    expect(lastGoodOf(state)).toEqual({ kind: 'known', threshold: wholes[1], present: wholes[2] });
    const [first] = climbed(1).wholes;
    expect(reasonIn(climbed(1).state)).toBe(
      `nothing below τ = ${first} is proven and had all of production on this traffic`,
    );
  });

  it('is that of the rest of production while part of it moves on', () => {
    let ramping = state;
    for (let i = 0; i < 20_000 && production(ramping).share === 1; i++)
      for (const threshold of comparedThresholds(ramping)) ramping = told(ramping, pair(threshold, 0));
    const { rest, threshold } = production(ramping);
    expect(rest).toBe(wholes[2]);
    expect(lastGoodOf(ramping)).toEqual({ kind: 'known', threshold: rest, present: threshold });
  });

  it('leads further down with each step, as a fixed threshold that nothing climbs from', () => {
    const steps: number[] = [];
    let now = state;
    for (let found = lastGoodOf(now); found.kind === 'known'; found = lastGoodOf(now)) {
      now = told(now, { ...mode('fixed', found.threshold), backFrom: found.present } as ControlEvent);
      expect(now.change.detail).toBe(
        `back from τ = ${found.present} to the last good threshold: mode fixed at τ = ${found.threshold}`,
      );
      steps.push(appliedThreshold(now));
      for (let i = 0; i < 500; i++) now = told(now, pair(found.threshold, 0));
      expect([stateName(now), production(now)]).toEqual([
        'fixed',
        { threshold: found.threshold, share: 1, rest: 0 },
      ]);
    }
    expect(steps).toEqual([wholes[1], wholes[0]]);
  });

  it('is what the controller was at, below a fixed threshold whose answers disagreed', () => {
    const fixed = told(state, mode('fixed', 1.7));
    expect(lastGoodOf(fixed)).toEqual({ kind: 'known', threshold: wholes[2], present: 1.7 });
    const revoked = told(fixed, ...new Array<ControlEvent>(60).fill(pair(1.7, 1)));
    expect([stateName(revoked), appliedThreshold(revoked)]).toEqual(['fallback', 0]);
    expect(lastGoodOf(revoked)).toEqual({ kind: 'known', threshold: wholes[2], present: 1.7 });
    // Going back never raises a threshold.
    expect(reasonIn(told(state, mode('fixed', wholes[0]! / 2)))).toContain('nothing below');
  });

  it.each<[string, readonly ControlEvent[], RegExp]>([
    ['the traffic has drifted', [snapshot([0.5], { isDrift: true })], /drifted/],
    [
      'the traffic has drifted below a fixed threshold',
      [mode('fixed', 1.7), snapshot([0.5], { isDrift: true })],
      /drifted/,
    ],
    ['the estimator failed', [{ kind: 'failure', at: 5, message: 'x' }], /dense/],
    ['nobody compares answers', [{ kind: 'uncompared', at: 5, requests: 1e6, ms: 1e6 }], /not compared/],
    [
      'nobody compares answers at a fixed threshold',
      [mode('fixed', 1.7), { kind: 'uncompared', at: 5, requests: 1e6, ms: 1e6 }],
      /nobody can compare/,
    ],
    ['the mode is off', [mode('off')], /mode off/],
    ['the mode was off', [mode('off'), mode('auto')], /on this traffic yet/],
    ['the mode is observe', [mode('observe')], /mode observe/],
    [
      'pruning saves no time',
      [{ kind: 'time', at: 5, heldBack: 'unprofitable', detail: 'x' }],
      /saves no time/,
    ],
    [
      'other sites are pruned now',
      [{ kind: 'time', at: 5, heldBack: undefined, gated: [false, true], detail: 'x' }],
      /on this traffic yet/,
    ],
    [
      'this replica is dense',
      [{ kind: 'withheld', at: 5, withheld: 'unshared', detail: 'x' }],
      /this replica/,
    ],
    [
      'a window is being filled',
      [snapshot([0.5], { isDrift: true }), snapshot([0.5])],
      /on this traffic yet/,
    ],
  ])('is not known where %s', (_, events, reason) => {
    expect(reasonIn(told(state, ...events))).toMatch(reason);
  });

  it('is never above what disagreed, nor above the present one, whatever happens', () => {
    const events = fc.constantFrom<(now: ControllerState) => ControlEvent[]>(
      (now) => comparedThresholds(now).map((threshold) => pair(threshold, 0)),
      (now) => comparedThresholds(now).map((threshold) => pair(threshold, 1)),
      (now) => (now.phase.kind === 'tracking' ? [pair(appliedRung(now.phase).threshold, 1)] : []),
      () => [snapshot([0.5])],
      () => [snapshot([0.5], { isDrift: true })],
      () => [mode('fixed', 1.1)],
      () => [mode('auto')],
    );
    const stories = fc.array(fc.tuple(events, fc.integer({ min: 1, max: 60 })), { maxLength: 14 });
    let known = 0;
    fc.assert(
      fc.property(stories, (story) => {
        let now = state;
        for (const [next, count] of story)
          for (let i = 0; i < count; i++) {
            now = told(now, ...next(now));
            const found = lastGoodOf(now);
            if (found.kind === 'none') continue;
            known++;
            expect(found.threshold).toBeLessThan(found.present);
            expect(found.threshold).toBeLessThan(now.disagreed ?? Number.POSITIVE_INFINITY);
            const back = told(now, mode('fixed', found.threshold));
            expect(production(back)).toEqual({ threshold: found.threshold, share: 1, rest: 0 });
          }
      }),
      { numRuns: 200 },
    );
    expect(known).toBeGreaterThan(100);
  });
});
