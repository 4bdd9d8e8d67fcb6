// Production stays dense where pruning saves no time, and evidence is gathered all the same.
import { describe, expect, it } from 'vitest';
import { parseConfig } from '../../../src/config/schema.ts';
import { step } from '../../../src/control/phases/controller.ts';
import type { ControlEvent } from '../../../src/control/phases/event.ts';
import { controlOptionsOf } from '../../../src/control/phases/options.ts';
import {
  appliedThreshold,
  comparedThresholds,
  exposureOf,
  isWithheld,
  stateName,
} from '../../../src/control/phases/production.ts';
import { type ControllerState, type HeldBack, initialState } from '../../../src/control/phases/state.ts';
import { RAMP_DONE } from '../../../src/control/rollout/ramp.ts';
import type { Ladder } from '../../../src/control/search/ladder.ts';
import { beginSearch } from '../../../src/control/search/search.ts';
import type { CriticalPoint } from '../../../src/criticality/critical-point.ts';

const OPTIONS = controlOptionsOf(parseConfig({}));
const replay = (from: ControllerState, ...events: readonly ControlEvent[]) =>
  events.reduce((state, event) => step(state, event, OPTIONS), from);
const timed = (heldBack: HeldBack | undefined): ControlEvent => ({
  kind: 'time',
  at: 5,
  heldBack,
  detail: 'said',
});
const fixed = initialState('fixed', 0.25, OPTIONS);

describe('a threshold that is held back', () => {
  it('is not applied, and is a candidate still, whose answers are compared', () => {
    const state = replay(fixed, timed('unmeasured'));
    expect(appliedThreshold(state)).toBe(0);
    expect(exposureOf(state)).toEqual({ threshold: 0, candidate: 0.25, exposure: 0 });
    expect(comparedThresholds(state)).toEqual([0.25]);
    expect(isWithheld(state)).toBe(false);
    expect(stateName(state)).toBe('fixed');
  });

  it('is named unprofitable once that was measured, with the reason', () => {
    const state = replay(fixed, timed('unmeasured'), timed('unprofitable'));
    expect(stateName(state)).toBe('unprofitable');
    expect(state.change).toEqual({ at: 5, reason: 'time', detail: 'said' });
  });

  it('is applied once pruning saves time', () => {
    const state = replay(fixed, timed('unprofitable'), timed(undefined));
    expect(appliedThreshold(state)).toBe(0.25);
    expect(stateName(state)).toBe('fixed');
  });

  it('reaches production in stages, but for a server that comes back, which goes on where it was', () => {
    const watch = fixed.fixed!.watch;
    const rungs = [{ threshold: 0.1, sparsity: 0.1 }];
    const search = beginSearch({ rungs, start: 0 }, 0, OPTIONS);
    const tracking: ControllerState = {
      ...initialState('auto', undefined, OPTIONS),
      heldBack: 'unmeasured',
      phase: {
        kind: 'tracking',
        critical: null,
        search,
        applied: { rung: 0, ramp: RAMP_DONE, good: [], watch, rest: null, sinceAlarm: null },
        drift: null,
      },
    };
    const back = { ...timed(undefined), isKept: true } as ControlEvent;
    expect(exposureOf(replay(tracking, back)).exposure).toBe(1);
    expect(exposureOf(replay(tracking, timed(undefined))).exposure).toBeLessThan(1);
  });

  it('stays so whatever the mode', () => {
    const state = replay(initialState('auto', undefined, OPTIONS), timed('unprofitable'), {
      kind: 'mode',
      at: 6,
      mode: 'fixed',
      threshold: 0.5,
    });
    expect(appliedThreshold(state)).toBe(0);
    expect(stateName(state)).toBe('unprofitable');
  });

  it('is no change where the same is said again', () => {
    const state = replay(fixed, timed('unprofitable'));
    expect(replay(state, { ...timed('unprofitable'), at: 9 } as ControlEvent).change).toBe(state.change);
  });
});

describe('sites whose pruning saves no time', () => {
  const leaving = (gated: readonly boolean[]): ControlEvent => ({
    kind: 'time',
    at: 7,
    heldBack: undefined,
    detail: 'said',
    gated,
  });
  const critical: CriticalPoint | null = null;
  const ladder: Ladder = { rungs: [{ threshold: 0.1, sparsity: 0.1 }], start: 0 };
  const snapshot: ControlEvent = {
    kind: 'snapshot',
    at: 6,
    samples: OPTIONS.warmSamples,
    newSamples: 1,
    suggestion: { critical, ladder },
    drift: null,
    hasMoved: false,
  };
  const trial = replay(initialState('auto', undefined, OPTIONS), timed('unmeasured'), snapshot);

  it('are left out from then on, and what was seen with them is forgotten', () => {
    expect(trial.phase.kind).toBe('trial');
    const state = replay(trial, leaving([true, false]));
    expect(state).toMatchObject({ gated: [true, false], phase: { kind: 'warming' }, heldBack: undefined });
    expect(state.epoch).toBe(trial.epoch);
    // The window is full: the next snapshot begins a search.
    expect(replay(state, snapshot).phase.kind).toBe('trial');
  });

  it('leave evidence as it is where the same are left out already, or none is', () => {
    expect(replay(trial, leaving([true, true])).phase).toBe(trial.phase);
    const left = replay(trial, leaving([true, false]), snapshot);
    expect(replay(left, leaving([true, false])).phase).toBe(left.phase);
  });

  it('take a fixed threshold’s evidence with them, and its threshold stays', () => {
    const state = replay(fixed, timed('unmeasured'), leaving([false, true]));
    expect(appliedThreshold(state)).toBe(0.25);
    expect(state.gated).toEqual([false, true]);
  });
});
