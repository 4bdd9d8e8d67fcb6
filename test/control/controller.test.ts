import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type ControlEvent, step } from '../../src/control/controller.ts';
import {
  appliedThreshold,
  type ControllerState,
  initialState,
  judgedThreshold,
  MODES,
  type Mode,
  stateName,
} from '../../src/control/state.ts';
import { xorshift } from '../../src/random.ts';
import { OPTIONS, pair, snapshot } from './events.ts';

const start = (mode: Mode = 'auto', threshold?: number) => initialState(mode, threshold, OPTIONS);
const replay = (events: readonly ControlEvent[], from = start()) =>
  events.reduce((state, event) => step(state, event, OPTIONS), from);
const times = (count: number, event: ControlEvent) => new Array<ControlEvent>(count).fill(event);

const TRIAL = [snapshot(1)];
const TRACKING = [snapshot(1), ...times(400, pair(1, 0))];

describe('from warming to tracking', () => {
  it('stays dense until the window holds enough', () => {
    expect(stateName(replay([snapshot(1, 1, OPTIONS.warmSamples - 1)]))).toBe('warming');
  });

  it('tries the critical point on shadow traffic first: judged, not applied', () => {
    const state = replay(TRIAL);
    expect([stateName(state), judgedThreshold(state), appliedThreshold(state)]).toEqual(['trial', 1, 0]);
  });

  it('applies it once agreement is proven, and says why', () => {
    const state = replay(TRACKING);
    expect([stateName(state), appliedThreshold(state)]).toEqual(['tracking', 1]);
    expect(state.change.reason).toBe('agreement-proven');
  });

  it('proves nothing from pairs at another threshold', () => {
    expect(stateName(replay([snapshot(1), ...times(400, pair(0.5, 0))]))).toBe('trial');
  });

  it('is dense without a feature, and looks again', () => {
    const state = replay([snapshot(null)]);
    expect([stateName(state), appliedThreshold(state)]).toEqual(['featureless', 0]);
    expect(stateName(replay([snapshot(1)], state))).toBe('trial');
  });
});

describe('a candidate that disagrees', () => {
  it('makes way for less sparsity', () => {
    const state = replay([snapshot(1), ...times(60, pair(1, 1)), snapshot(1)]);
    expect(stateName(state)).toBe('trial');
    expect(judgedThreshold(state)).toBeCloseTo(0.7, 12);
    expect(judgedThreshold(state)).toBeLessThan(1);
  });

  it('makes way when it is neither proven nor disproven in time', () => {
    // One disagreement in twenty is the floor itself.
    const events = Array.from({ length: 600 }, (_, i) => pair(1, i % 20 === 10 ? 1 : 0));
    const state = replay([snapshot(1), ...events]);
    expect(state.change.reason).toBe('agreement-unproven');
    expect(stateName(state)).toBe('fallback');
  });

  it('ends in dense for a cool-down when every rung disagreed, then begins again at the critical point', () => {
    let state = start();
    for (let rung = 0; rung < 4; rung++) {
      state = replay([snapshot(1)], state);
      state = replay(times(60, pair(judgedThreshold(state), 1)), state);
    }
    state = replay([snapshot(1)], state);
    expect([stateName(state), appliedThreshold(state)]).toEqual(['fallback', 0]);
    state = replay(times(7, snapshot(1)), state);
    expect([stateName(state), judgedThreshold(state)]).toEqual(['trial', 1]);
  });
});

describe('while tracking', () => {
  it('falls back to dense within 50 pairs when every answer disagrees, effective at once', () => {
    let state = replay(TRACKING);
    let pairs = 0;
    while (appliedThreshold(state) > 0) {
      state = step(state, pair(1, 1), OPTIONS);
      pairs++;
    }
    expect(pairs).toBeLessThanOrEqual(50);
    expect([stateName(state), state.change.reason]).toEqual(['fallback', 'disagreement']);
  });

  it('reacts as fast after a long quiet time as at the beginning', () => {
    const pairsToAlarm = (quiet: number) => {
      let state = replay(times(quiet, pair(1, 0)), replay(TRACKING));
      let pairs = 0;
      for (; appliedThreshold(state) > 0; pairs++) state = step(state, pair(1, 1), OPTIONS);
      return pairs;
    };
    expect(pairsToAlarm(10_000)).toBeLessThanOrEqual(pairsToAlarm(0) + 3);
  });

  it('does not alarm at 1 % of disagreement in 20,000 pairs', () => {
    const random = xorshift(11);
    let state = replay(TRACKING);
    for (let i = 0; i < 20_000; i++) state = step(state, pair(1, random() < 0.01 ? 1 : 0), OPTIONS);
    expect(stateName(state)).toBe('tracking');
  });

  it('notices drift after the configured confirmations, goes dense and starts a new window', () => {
    const before = replay(TRACKING);
    const once = replay([snapshot(1, 2)], before);
    expect(stateName(once)).toBe('tracking');
    const twice = replay([snapshot(1, 2)], once);
    expect([stateName(twice), appliedThreshold(twice)]).toEqual(['drifted', 0]);
    expect(twice.epoch).toBe(before.epoch + 1);
    expect(stateName(replay([snapshot(1.5, 2, 256)], twice))).toBe('trial');
  });

  it('stays where it is on the same traffic', () => {
    const before = replay(TRACKING);
    const after = replay(times(50, snapshot(1.4)), before);
    expect([stateName(after), appliedThreshold(after)]).toEqual(['tracking', 1]);
    expect(after.change).toBe(before.change);
  });
});

describe('modes', () => {
  it('off is dense and judges nothing; coming back starts afresh', () => {
    const off = replay([{ kind: 'mode', at: 3, mode: 'off' }], replay(TRACKING));
    expect([stateName(off), appliedThreshold(off), judgedThreshold(off)]).toEqual(['off', 0, 0]);
    const back = replay([{ kind: 'mode', at: 4, mode: 'auto' }], off);
    expect([stateName(back), back.epoch]).toEqual(['warming', off.epoch + 1]);
  });

  it('observe judges what auto would apply, and applies nothing; auto then takes over what was proven', () => {
    const observed = replay(TRACKING, start('observe'));
    expect([stateName(observed), appliedThreshold(observed), judgedThreshold(observed)]).toEqual([
      'observe',
      0,
      1,
    ]);
    const auto = replay([{ kind: 'mode', at: 3, mode: 'auto' }], observed);
    expect([stateName(auto), appliedThreshold(auto)]).toEqual(['tracking', 1]);
  });

  it('fixed applies the operator’s threshold, and the guard still takes it back', () => {
    const fixed = replay([{ kind: 'mode', at: 3, mode: 'fixed', threshold: 0.3 }]);
    expect([stateName(fixed), appliedThreshold(fixed)]).toEqual(['fixed', 0.3]);
    const revoked = replay(times(60, pair(0.3, 1)), fixed);
    expect([stateName(revoked), appliedThreshold(revoked), revoked.change.reason]).toEqual([
      'fallback',
      0,
      'disagreement',
    ]);
    const again = replay([{ kind: 'mode', at: 3, mode: 'fixed', threshold: 0.2 }], revoked);
    expect(appliedThreshold(again)).toBe(0.2);
  });
});

describe('whatever happens', () => {
  const events: fc.Arbitrary<ControlEvent> = fc.oneof(
    fc.constantFrom(snapshot(1), snapshot(null), snapshot(0.8), snapshot(1, 2), snapshot(1, 1, 10)),
    fc.tuple(fc.constantFrom(1, 0.7, 0.8, 0.3), fc.constantFrom(0, 0, 0, 0.5, 1)).map(([t, d]) => pair(t, d)),
    fc.constantFrom<ControlEvent>(
      { kind: 'mode', at: 5, mode: 'auto' },
      { kind: 'mode', at: 5, mode: 'observe' },
      { kind: 'mode', at: 5, mode: 'off' },
      { kind: 'failure', at: 5, message: 'broken' },
    ),
  );
  /** Runs of equal events, so that trials are won and lost within a short sequence. */
  const stories = fc
    .array(fc.tuple(events, fc.integer({ min: 1, max: 300 })), { maxLength: 12 })
    .map((runs) => runs.flatMap(([event, count]) => times(count, event)));

  it('production is pruned only at a threshold whose agreement was proven, and never in another mode than auto', () => {
    fc.assert(
      fc.property(stories, (story) => {
        let state: ControllerState = start();
        let proven = Number.NaN;
        for (const event of story) {
          const next = step(state, event, OPTIONS);
          if (next.change !== state.change && next.change.reason === 'agreement-proven') {
            proven = judgedThreshold(state);
          }
          if (appliedThreshold(next) > 0) {
            expect(next.mode).toBe('auto');
            expect(appliedThreshold(next)).toBe(proven);
          }
          state = next;
        }
      }),
      { numRuns: 60 },
    );
  });

  it('dense is one command away, and a failure of the estimator is dense too', () => {
    fc.assert(
      fc.property(stories, (story) => {
        const state = replay(story);
        expect(appliedThreshold(replay([{ kind: 'mode', at: 9, mode: 'off' }], state))).toBe(0);
        expect(appliedThreshold(replay([{ kind: 'failure', at: 9, message: 'x' }], state))).toBe(0);
      }),
      { numRuns: 40 },
    );
  });

  it('is a pure fold: the same events give the same state, and none is changed', () => {
    fc.assert(
      fc.property(stories, (story) => {
        const frozen = story.map((event) => Object.freeze({ ...event }));
        expect(replay(frozen)).toEqual(replay(frozen));
      }),
      { numRuns: 20 },
    );
  });

  it('shows a name for every mode', () => {
    for (const mode of MODES) expect(stateName(start(mode, 1))).toBe(mode === 'auto' ? 'warming' : mode);
  });
});
