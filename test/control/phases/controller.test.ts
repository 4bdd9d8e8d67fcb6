import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MODES, type Mode } from '../../../src/config/modes.ts';
import { isProven, noEvidence, observe } from '../../../src/control/guard/evidence.ts';
import { step } from '../../../src/control/phases/controller.ts';
import type { ControlEvent } from '../../../src/control/phases/event.ts';
import { interestIn } from '../../../src/control/phases/interest.ts';
import {
  appliedThreshold,
  comparedThresholds,
  dueAt,
  isWithheld,
  production,
  stateName,
} from '../../../src/control/phases/production.ts';
import {
  type ControllerState,
  type ControlOptions,
  initialState,
} from '../../../src/control/phases/state.ts';
import { xorshift } from '../../../src/drift/xorshift.ts';
import { OPTIONS, pair, snapshot } from '../events.ts';

const EARLIEST: ControlOptions = { ...OPTIONS, policy: 'earliest' };
const earliest = (...features: number[]) => snapshot(features, { policy: 'earliest' });
const start = (mode: Mode = 'auto', threshold?: number) => initialState(mode, threshold, OPTIONS);
const replay = (events: readonly ControlEvent[], from = start(), options = OPTIONS) =>
  events.reduce((state, event) => step(state, event, options), from);
const times = (count: number, event: ControlEvent) => new Array<ControlEvent>(count).fill(event);
const summary = (state: ControllerState) => [stateName(state), appliedThreshold(state)];

/** Pairs at the threshold on trial, or else the one in production, until `isOver` or `most` pairs. */
function judge(
  state: ControllerState,
  lossAt: (threshold: number) => number,
  isOver: (state: ControllerState) => boolean,
  most = 20_000,
  options = OPTIONS,
): { state: ControllerState; pairs: number } {
  let pairs = 0;
  for (; !isOver(state) && pairs < most; pairs++) {
    for (const threshold of comparedThresholds(state))
      state = step(state, pair(threshold, lossAt(threshold)), options);
  }
  return { state, pairs };
}

const isRamped = (state: ControllerState) => state.phase.kind === 'tracking' && production(state).share === 1;
const isSettled = (state: ControllerState) =>
  state.phase.kind === 'tracking' && state.phase.search.trial === null && isRamped(state);
const agreeing = () => 0;
/** Fully applied by the policy `earliest` at a critical point of 1. */
const tracked = () =>
  judge(replay([earliest(1)], start(), EARLIEST), agreeing, isRamped, 999, EARLIEST).state;

describe('from warming to tracking', () => {
  it('stays dense until the window holds enough', () => {
    const few = snapshot([1], { samples: OPTIONS.warmSamples - 1 });
    expect(summary(replay([few]))).toEqual(['warming', 0]);
  });

  it('tries the critical point on shadow traffic first: judged, not applied', () => {
    const state = replay([snapshot([1])]);
    expect([...summary(state), comparedThresholds(state)]).toEqual(['trial', 0, [1]]);
  });

  it('proves nothing from pairs at another threshold', () => {
    expect(stateName(replay([snapshot([1]), ...times(400, pair(0.5, 0))]))).toBe('trial');
  });

  it('looks at more requests while a ramp is under way, and after a surprise', () => {
    const ramping = judge(replay([snapshot([1])]), agreeing, (s) => s.phase.kind === 'tracking').state;
    expect([interestIn(ramping, 0.009, OPTIONS), interestIn(ramping, 0.01, OPTIONS)]).toEqual([
      'urgent',
      'welcome',
    ]);
    const calm = tracked();
    expect(interestIn(calm, 0, OPTIONS)).toBe('usual');
    const surprised = step(calm, pair(1, 1), EARLIEST);
    expect(interestIn(surprised, 0.99, OPTIONS)).toBe('urgent');
    expect(interestIn(replay(times(100, pair(1, 0)), surprised, EARLIEST), 0, OPTIONS)).toBe('usual');
  });
});

describe('a candidate on trial, where the rest of production is dense', () => {
  /** Allowed: .01, so that a share of 1 % may lose anything, 5 % a loss of .2, and 25 % one of .04. */
  const STRICT: ControlOptions = { ...OPTIONS, allowedLoss: 0.01, trialSamples: 12_000, rampSamples: 16 };
  const at = (share: number) => ({ threshold: 1, share, rest: 0 });
  const trying = () => replay([snapshot([1])], start(), STRICT);
  const exposedTo = (share: number, state = trying()) =>
    judge(state, agreeing, (s) => production(s).share === share && s.phase.kind === 'tracking', 999, STRICT)
      .state;

  it('gets 1, 5, 25 and 100 % of production as its loss is proven to be small enough for each, and says why', () => {
    let state = trying();
    const steps: unknown[] = [];
    for (let i = 1; i < 1000 && !isRamped(state); i++) {
      const next = step(state, pair(1, 0), STRICT);
      if (next.change !== state.change)
        steps.push([i, next.change.reason, production(next), next.change.detail]);
      state = next;
    }
    const part = (share: number) => `${share} % of production at τ = 1, the rest dense`;
    const harmless =
      'on trial for 16 sampled requests; whatever is lost there, all of production loses at most 0.010';
    const proven = (mean: string, compared: number) =>
      `mean loss proven below ${mean} after ${compared} sampled requests`;
    expect(steps).toEqual([
      [16, 'ramped', at(0.01), `${part(1)}: ${harmless}`],
      [32, 'ramped', at(0.05), `${part(5)}: ${proven('0.200', 32)}`],
      [147, 'ramped', at(0.25), `${part(25)}: ${proven('0.040', 147)}`],
      [
        597,
        'agreement-proven',
        at(1),
        'mean loss at τ = 1 is below 0.010 after 597 sampled requests; 100 % of production is at it',
      ],
    ]);
    expect(summary(state)).toEqual(['tracking', 1]);
  });

  it('gets no more than its own requests have shown, however well those of the others were answered', () => {
    const others = replay(times(500, pair(1, 0, false)), exposedTo(0.05), STRICT);
    expect(production(others)).toEqual(at(0.05));
    expect(production(replay(times(16, pair(1, 0)), others, STRICT))).toEqual(at(0.25));
  });

  it('asks for requests of its own as long as its stage wants some, then for all alike', () => {
    const state = exposedTo(0.05);
    expect([0.04, 0.06].map((at) => interestIn(state, at, STRICT))).toEqual(['urgent', 'welcome']);
    const waiting = replay(times(16, pair(1, 0)), state, STRICT);
    expect([production(waiting), interestIn(waiting, 0.04, STRICT)]).toEqual([at(0.05), 'welcome']);
  });

  it('is judged once per request, wherever that is answered', () => {
    const state = exposedTo(0.05);
    expect([comparedThresholds(state, 0), comparedThresholds(state, 0.9)]).toEqual([[1], [1]]);
  });

  it('is taken back at once when it is refuted, and the next one starts from nothing: no strike', () => {
    const oneInTen = [...times(9, pair(1, 0)), pair(1, 1)];
    const exposed = replay([...oneInTen, ...oneInTen], trying(), STRICT);
    expect(production(exposed)).toEqual(at(0.01));
    const state = replay([...oneInTen, ...oneInTen, ...oneInTen], exposed, STRICT);
    expect([...summary(state), state.change.reason, state.strikes]).toEqual(['trial', 0, 'disagreement', 0]);
    expect(state.change.detail).toMatch(/; dense, trying τ = 0\.\d+$/);
    const search = state.phase.kind === 'trial' ? state.phase.search : expect.fail();
    expect([search.trial?.accept.observations, search.unproven]).toEqual([0, 1]);
    expect(comparedThresholds(state)[0]).toBeLessThan(1);
    expect(production(replay(times(15, pair(comparedThresholds(state)[0]!, 0)), state, STRICT))).toEqual({
      threshold: 0,
      share: 1,
      rest: 0,
    });
  });

  it('is taken back when nothing can be proven, and dense is a strike when no candidate is left', () => {
    const only: ControlOptions = { ...STRICT, policy: 'earliest' };
    const from = replay([earliest(0.1)], start(), only);
    const { state } = judge(
      from,
      () => 0.0099,
      (s) => s.phase.kind === 'fallback',
      13_000,
      only,
    );
    expect([...summary(state), state.change.reason, state.strikes]).toEqual([
      'fallback',
      0,
      'agreement-unproven',
      1,
    ]);
  });

  it('is guarded as any threshold in production: what was good and breaks is a strike', () => {
    const collapsed = replay(times(12, pair(1, 1)), replay(times(400, pair(1, 0)), trying(), STRICT), STRICT);
    expect([...summary(collapsed), collapsed.strikes]).toEqual(['fallback', 0, 1]);
  });

  it('goes on with its trial after a silence, from dense and in stages', () => {
    const silence: ControlEvent = { kind: 'uncompared', at: 7, requests: 1e6, ms: 1e6 };
    const silent = step(exposedTo(0.25), silence, STRICT);
    expect([...summary(silent), comparedThresholds(silent)]).toEqual(['unverified', 0, [1]]);
    const back = replay(times(16, pair(1, 0)), silent, STRICT);
    expect([stateName(back), production(back)]).toEqual(['tracking', at(0.01)]);
    const { state, pairs } = judge(silent, agreeing, isRamped, 999, STRICT);
    expect([summary(state), pairs]).toEqual([['tracking', 1], 597 - 147]);
  });

  it('is refuted in the shadow after a silence, too', () => {
    const silence: ControlEvent = { kind: 'uncompared', at: 7, requests: 1e6, ms: 1e6 };
    const oneInTen = [...times(9, pair(1, 0)), pair(1, 1)];
    const silent = replay([...oneInTen, ...oneInTen, ...oneInTen, silence], trying(), STRICT);
    expect(stateName(silent)).toBe('unverified');
    const refuted = replay(oneInTen, silent, STRICT);
    expect([...summary(refuted), refuted.change.reason]).toEqual(['trial', 0, 'disagreement']);
  });

  it('is applied to nothing by the mode observe, and from the first stage on when that ends', () => {
    const observed = replay([snapshot([1]), ...times(200, pair(1, 0))], start('observe'), STRICT);
    expect([observed.phase.kind, production(observed)]).toEqual([
      'tracking',
      { threshold: 0, share: 1, rest: 0 },
    ]);
    const auto = step(observed, { kind: 'mode', at: 3, mode: 'auto' }, STRICT);
    expect(production(auto)).toEqual(at(0.01));
    expect(judge(auto, agreeing, isRamped, 999, STRICT).pairs).toBeGreaterThan(300);
  });
});

describe('the policy earliest', () => {
  it('is dense without a feature, and looks again', () => {
    const state = replay([earliest()], start(), EARLIEST);
    expect(summary(state)).toEqual(['featureless', 0]);
    expect(state.change?.detail).toBe('the free energy shows no significant feature');
    expect(stateName(replay([earliest(1)], state, EARLIEST))).toBe('trial');
  });

  it('is dense where only an activation function marks F, and says so; guarded looks for candidates all the same', () => {
    const state = replay([snapshot([], { policy: 'earliest', pole: 0.375 })], start(), EARLIEST);
    expect(summary(state)).toEqual(['featureless', 0]);
    expect(state.change?.detail).toBe(
      'the free energy shows no significant feature but the pole of an activation function at τ = 0.375',
    );
    const searching = replay([snapshot([], { pole: 0.375 })], start());
    expect(stateName(searching)).toBe('trial');
    expect(searching.change?.detail).toMatch(
      /^no significant feature but the pole .* at τ = 0.375 in F; trying τ = /,
    );
  });

  it('stays at the critical point, with nothing further on trial', () => {
    const state = replay(times(300, pair(1, 0)), tracked(), EARLIEST);
    expect([...summary(state), comparedThresholds(state)]).toEqual(['tracking', 1, [1]]);
  });

  it('takes less where the critical point disagrees, and never more', () => {
    const from = replay([earliest(1)], start(), EARLIEST);
    const { state } = judge(from, (t) => (t > 0.6 ? 1 : 0), isSettled, 5000, EARLIEST);
    expect(summary(state)).toEqual(['tracking', 0.5]);
  });
});

describe('the policy guarded', () => {
  it('climbs to the last threshold within the objective, each step proven before it is applied', () => {
    const lossAt = (t: number) => (t <= 1.45 ? 0 : 0.5);
    const { state } = judge(replay([snapshot([0.3])]), lossAt, isSettled);
    expect(summary(state)).toEqual(['tracking', 1.4]);
  });

  it('climbs from the bottom where F shows no feature', () => {
    const { state } = judge(replay([snapshot([])]), (t) => (t <= 0.55 ? 0 : 0.5), isSettled);
    expect(summary(state)).toEqual(['tracking', 0.5]);
  });

  it('keeps what is in production while a higher threshold is on trial, and judges both', () => {
    const { state } = judge(replay([snapshot([0.3])]), agreeing, isRamped);
    expect(comparedThresholds(state)).toHaveLength(2);
    const [applied, tried] = comparedThresholds(state);
    expect(tried).toBeGreaterThan(applied!);
    const rejected = replay(times(60, pair(tried!, 1)), state);
    expect(summary(rejected)).toEqual(['tracking', applied]);
  });

  it('splits production between the last threshold and the next during a ramp', () => {
    const first = judge(replay([snapshot([0.3])]), agreeing, isRamped).state;
    const { state } = judge(first, agreeing, (s) => production(s).share < 1);
    expect(production(state)).toMatchObject({ share: 0.01, rest: 0.3 });
    expect(appliedThreshold(state)).toBe(0.3);
  });

  describe('on the ramp from a threshold to the next', () => {
    const ramping = () => {
      const first = judge(replay([snapshot([0.3])]), agreeing, isRamped).state;
      return judge(first, agreeing, (s) => production(s).share < 1).state;
    };
    const next = () => production(ramping()).threshold;
    const isAlarmed = (s: ControllerState) => s.change.detail.startsWith('loss at');

    it('judges every request at what it is answered at', () => {
      const state = ramping();
      expect(comparedThresholds(state, 0.0099)).toEqual([next()]);
      expect(comparedThresholds(state, 0.01)).toEqual([0.3]);
      const observed: ControllerState = { ...state, mode: 'observe' };
      expect(comparedThresholds(observed, 0.01)).toEqual([0.3]);
    });

    it('moves on for requests that it has reached alone', () => {
      const many = 10 * OPTIONS.rampSamples;
      const others = replay(
        [...times(many, pair(0.3, 0)), ...times(many, pair(next(), 0, false))],
        ramping(),
      );
      expect(production(others).share).toBe(0.01);
      const own = replay(times(OPTIONS.rampSamples, pair(next(), 0)), others);
      expect(production(own).share).toBe(0.05);
    });

    it('judges in the shadow where the rest is dense, which carries no stage on and still raises the alarm', () => {
      const { state: settled } = judge(replay([snapshot([0.3])]), agreeing, isRamped);
      const silence: ControlEvent = { kind: 'uncompared', at: 7, requests: 1e6, ms: 1e6 };
      const first = replay([silence, ...times(OPTIONS.rampSamples, pair(0.3, 0))], settled);
      expect(comparedThresholds(first, 0.99)).toEqual([0.3]);
      const agreed = replay(times(100, pair(0.3, 0, false)), first);
      expect(production(agreed)).toEqual(production(first));
      expect(summary(replay(times(20, pair(0.3, 1, false)), first))).toEqual(['fallback', 0]);
    });

    it('keeps watching the rest: what disagrees below ends in dense', () => {
      const alarmed = replay(times(20, pair(0.3, 1)), ramping());
      expect([...summary(alarmed), isAlarmed(alarmed)]).toEqual(['fallback', 0, true]);
    });

    it('goes on with what was known against the rest before the ramp, and after it', () => {
      const appliedOf = (s: ControllerState) => (s.phase.kind === 'tracking' ? s.phase.applied : null)!;
      const { state: first } = judge(replay([snapshot([0.3])]), agreeing, isRamped);
      const { state: trying } = judge(first, agreeing, (s) => comparedThresholds(s).length === 2);
      const doubted = step(trying, pair(0.3, 0.3), OPTIONS);
      const tried = comparedThresholds(doubted)[1]!;
      let climbing = doubted;
      while (production(climbing).share === 1) climbing = step(climbing, pair(tried, 0), OPTIONS);
      expect(appliedOf(climbing).rest).toEqual(appliedOf(doubted).watch);
      const rest = step(climbing, pair(0.3, 0.2), OPTIONS);
      // Before the ramp is over.
      const hasty = { ...OPTIONS, alarmRunLength: 100 };
      const { state: back } = judge(rest, (t) => (t > 0.3 ? 0.19 : 0), isAlarmed, 999, hasty);
      expect(appliedThreshold(back)).toBe(0.3);
      expect(appliedOf(back).watch).toEqual(appliedOf(rest).rest);
    });
  });

  it('ends in dense when no candidate agrees', () => {
    const { state } = judge(
      replay([snapshot([1])]),
      () => 1,
      (s) => s.phase.kind === 'fallback',
    );
    expect([...summary(state), state.change.reason, state.strikes]).toEqual([
      'fallback',
      0,
      'disagreement',
      1,
    ]);
    const again = replay(times(7, snapshot([1])), state);
    expect(summary(again)).toEqual(['trial', 0]);
    expect(comparedThresholds(again)[0]).toBeLessThan(1);
  });
});

describe('the guard', () => {
  const isAlarmed = (s: ControllerState) => s.change.detail.startsWith('loss at');

  it('goes back within 50 pairs when every answer disagrees, effective at once', () => {
    const { state, pairs } = judge(tracked(), () => 1, isAlarmed, 999, EARLIEST);
    expect(pairs).toBeLessThanOrEqual(10);
    expect(summary(state)).toEqual(['fallback', 0]);
  });

  it('goes back to the last good threshold first, then to dense when that disagrees too', () => {
    const { state: climbed } = judge(replay([snapshot([0.3])]), (t) => (t <= 1.45 ? 0 : 0.5), isSettled);
    const { state: back } = judge(climbed, (t) => (t > 1.3 ? 0.2 : 0), isAlarmed);
    expect(stateName(back)).toBe('tracking');
    expect(appliedThreshold(back)).toBeLessThan(1.4);
    expect(appliedThreshold(back)).toBeGreaterThan(0);
    expect(production(back).share).toBe(1);
    const { state: dense } = judge(
      back,
      () => 1,
      (s) => s.phase.kind === 'fallback',
    );
    expect(summary(dense)).toEqual(['fallback', 0]);
  });

  it('goes to dense at once when the answers are far off', () => {
    const { state: climbed } = judge(replay([snapshot([0.3])]), (t) => (t <= 1.45 ? 0 : 0.5), isSettled);
    const { state } = judge(climbed, () => 1, isAlarmed);
    expect(summary(state)).toEqual(['fallback', 0]);
  });

  it('does not climb again until it has been quiet for the cool-down, and never to what was refuted', () => {
    const { state: climbed } = judge(replay([snapshot([0.3])]), (t) => (t <= 1.45 ? 0 : 0.5), isSettled);
    const { state: back } = judge(climbed, (t) => (t > 1.3 ? 0.2 : 0), isAlarmed);
    const { state: resting } = judge(back, agreeing, () => false, OPTIONS.cooldownSamples - 1);
    expect(comparedThresholds(resting)).toHaveLength(1);
    const { state: settled } = judge(
      back,
      (t) => (t > 1.3 ? 1 : 0),
      (s) => s !== back && isSettled(s),
      9999,
    );
    expect(appliedThreshold(settled)).toBeLessThan(1.4);
  });

  it('cools down twice as long after every further strike', () => {
    let state = start();
    const waits: number[] = [];
    for (let i = 0; i < 3; i++) {
      state = replay([snapshot([0.1])], state);
      state = judge(
        state,
        () => 1,
        (s) => s.phase.kind === 'fallback',
      ).state;
      let snapshots = 0;
      for (; state.phase.kind === 'fallback'; snapshots++) state = step(state, snapshot([0.1]), OPTIONS);
      waits.push(snapshots);
    }
    expect(waits).toEqual([7, 13, 25]);
  });

  it('reacts as fast after a long quiet time as at the beginning', () => {
    const quiet = replay(times(10_000, pair(1, 0)), tracked(), EARLIEST);
    const after = judge(quiet, () => 1, isAlarmed, 999, EARLIEST).pairs;
    expect(after).toBeLessThanOrEqual(judge(tracked(), () => 1, isAlarmed, 999, EARLIEST).pairs + 1);
  });

  it('does not alarm at 1 % of loss in 20,000 pairs', () => {
    const random = xorshift(11);
    let state = tracked();
    for (let i = 0; i < 20_000; i++) state = step(state, pair(1, random() < 0.01 ? 1 : 0), EARLIEST);
    expect(summary(state)).toEqual(['tracking', 1]);
  });
});

describe('drift', () => {
  it('ends in dense and a new window, from tracking and from a trial', () => {
    for (const before of [tracked(), replay([snapshot([1])])]) {
      const state = replay([snapshot([1], { isDrift: true })], before);
      expect([...summary(state), state.epoch]).toEqual(['drifted', 0, before.epoch + 1]);
      expect(stateName(replay([snapshot([1.5])], state))).toBe('trial');
    }
  });

  it('is only read where there is a reference, and changes nothing below the limit', () => {
    const before = tracked();
    const same = replay([snapshot([1])], before);
    expect(same).toBe(before);
    const read = replay(times(50, snapshot([1.4], { isDrift: false })), before);
    expect(summary(read)).toEqual(['tracking', 1]);
    expect(read.change).toBe(before.change);
  });

  it('lets the search begin where there was room below the objective, and prove it from nothing', () => {
    const first = judge(replay([snapshot([0.3])]), agreeing, isRamped).state;
    const { state: climbed } = judge(first, agreeing, (s) => isRamped(s) && appliedThreshold(s) > 1);
    const applied = appliedThreshold(climbed);
    const drifted = step(climbed, snapshot([0.3], { isDrift: true }), OPTIONS);
    const again = step(drifted, snapshot([0.4]), OPTIONS);
    expect([comparedThresholds(again), appliedThreshold(again)]).toEqual([[applied], 0]);
    const { trial, unproven, proven } = again.phase.kind === 'trial' ? again.phase.search : expect.fail();
    expect([trial!.accept.observations, unproven, proven]).toEqual([0, 0, -1]);
    const above = step(drifted, snapshot([1.9]), OPTIONS);
    expect(comparedThresholds(above)).toEqual([1.9]);
    const { state: down } = judge(again, (t) => (t > 0.5 ? 1 : 0), isSettled);
    expect(appliedThreshold(down)).toBe(0.5);
  });

  it('begins at the critical point again where there was no room', () => {
    const tight = OPTIONS.allowedLoss / 2;
    const { state } = judge(replay([snapshot([0.3])]), () => tight, isRamped);
    const climbed = judge(
      state,
      () => tight,
      (s) => isRamped(s) && appliedThreshold(s) > 0.3,
    ).state;
    const again = replay([snapshot([0.3], { isDrift: true }), snapshot([0.2])], climbed);
    expect(comparedThresholds(again)).toEqual([0.2]);
  });

  it('forgives strikes: other traffic, other answers', () => {
    const { state } = judge(
      replay([snapshot([1])]),
      () => 1,
      (s) => s.phase.kind === 'fallback',
    );
    const trial = replay(times(7, snapshot([1])), state);
    expect(replay([snapshot([1], { isDrift: true })], trial).strikes).toBe(0);
  });
});

describe('answers that nobody compares', () => {
  const silence = (requests: number, ms: number): ControlEvent => ({
    kind: 'uncompared',
    at: 7,
    requests,
    ms,
  });
  const long = silence(OPTIONS.unverifiedRequests, OPTIONS.unverifiedMs);

  it('are dense at once when both the requests and the time are too many, and it is said why', () => {
    const state = step(tracked(), long, EARLIEST);
    expect([...summary(state), state.change.reason, state.epoch]).toEqual([
      'unverified',
      0,
      'unverified',
      tracked().epoch,
    ]);
    expect(comparedThresholds(state)).toEqual([1]);
    expect(interestIn(state, 0.99, OPTIONS)).toBe('welcome');
  });

  it.each([
    ['few requests over a long time', silence(OPTIONS.unverifiedRequests - 1, 1e9)],
    ['many requests in a short time', silence(1e9, OPTIONS.unverifiedMs - 1)],
  ])('are none yet: %s', (_, event) => {
    const state = tracked();
    expect(step(state, event, EARLIEST)).toBe(state);
  });

  it('come back from dense, in stages, once enough were compared in the shadow with no silence between', () => {
    const withheld = step(tracked(), long, EARLIEST);
    const almost = replay(times(OPTIONS.rampSamples - 1, pair(1, 0)), withheld, EARLIEST);
    expect(summary(almost)).toEqual(['unverified', 0]);
    const back = step(almost, pair(1, 0), EARLIEST);
    expect([stateName(back), back.change.reason, production(back)]).toEqual([
      'tracking',
      'verified',
      { threshold: 1, share: 0.01, rest: 0 },
    ]);
    const again = replay([long, ...times(OPTIONS.rampSamples - 1, pair(1, 0))], almost, EARLIEST);
    expect(summary(again)).toEqual(['unverified', 0]);
  });

  it('keep what the search knows: the way back is shorter than the way there was', () => {
    const { state: settled } = judge(replay([snapshot([0.3])]), (t) => (t <= 1.45 ? 0 : 0.5), isSettled);
    const { state, pairs } = judge(step(settled, long, OPTIONS), agreeing, isSettled);
    expect(appliedThreshold(state)).toBe(appliedThreshold(settled));
    expect(pairs).toBeLessThanOrEqual(4 * OPTIONS.rampSamples);
  });

  it('fall back when they disagree in the shadow', () => {
    const state = replay([long, ...times(20, pair(1, 1))], tracked(), EARLIEST);
    expect([...summary(state), state.change.reason]).toEqual(['fallback', 0, 'disagreement']);
  });

  it('go on with the search that was interrupted', () => {
    const { state: trying } = judge(
      replay([snapshot([0.3])]),
      agreeing,
      (s) => s.phase.kind === 'tracking' && s.phase.search.trial !== null,
    );
    const withheld = step(trying, long, OPTIONS);
    expect(comparedThresholds(withheld)).toEqual([comparedThresholds(trying)[0]]);
    const { state } = judge(withheld, (t) => (t <= 1.45 ? 0 : 0.5), isSettled);
    expect(summary(state)).toEqual(['tracking', 1.4]);
  });

  it('are asked for drift all the same', () => {
    const withheld = step(tracked(), long, EARLIEST);
    const drifted = step(withheld, snapshot([1], { isDrift: true }), EARLIEST);
    expect([stateName(drifted), drifted.epoch]).toEqual(['drifted', withheld.epoch + 1]);
  });

  it('matter to nobody whose answers are dense', () => {
    const observed: ControllerState = { ...tracked(), mode: 'observe' };
    for (const state of [start(), replay([snapshot([1])]), observed])
      expect(step(state, long, OPTIONS)).toBe(state);
  });
});

describe('a critical point that has moved', () => {
  const moved = snapshot([1.5], { isDrift: false, hasMoved: true });

  it('is looked for again by the policy earliest, dense meanwhile, in the same window', () => {
    const before = tracked();
    const state = step(before, moved, EARLIEST);
    expect([...summary(state), state.change.reason, state.epoch]).toEqual([
      'warming',
      0,
      'critical-point-moved',
      before.epoch,
    ]);
    expect(comparedThresholds(step(state, earliest(1.5), EARLIEST))).toEqual([1.5]);
  });

  it('moves nothing for the policy guarded, which the answers tell', () => {
    const { state } = judge(replay([snapshot([0.3])]), agreeing, isRamped);
    expect(summary(step(state, moved, OPTIONS))).toEqual(summary(state));
  });
});

describe('modes', () => {
  it('off is dense and judges nothing; coming back starts afresh', () => {
    const off = replay([{ kind: 'mode', at: 3, mode: 'off' }], tracked());
    expect([...summary(off), comparedThresholds(off)]).toEqual(['off', 0, []]);
    const back = replay([{ kind: 'mode', at: 4, mode: 'auto' }], off);
    expect([stateName(back), back.epoch, back.modeBy]).toEqual(['warming', off.epoch + 1, 'operator']);
  });

  it('observe judges what auto would apply, and applies nothing; auto then ramps what was proven', () => {
    const from = replay([earliest(1)], start('observe'), EARLIEST);
    const { state: observed } = judge(
      from,
      agreeing,
      (s) => s.change.detail.startsWith('100'),
      999,
      EARLIEST,
    );
    expect([...summary(observed), comparedThresholds(observed)]).toEqual(['observe', 0, [1]]);
    const auto = replay([{ kind: 'mode', at: 3, mode: 'auto' }], observed);
    expect([stateName(auto), production(auto)]).toEqual(['tracking', { threshold: 1, share: 0.01, rest: 0 }]);
  });

  it('fixed applies the operator’s threshold at once, and the guard still takes it back', () => {
    const fixed = replay([{ kind: 'mode', at: 3, mode: 'fixed', threshold: 0.3 }]);
    expect(summary(fixed)).toEqual(['fixed', 0.3]);
    const revoked = replay(times(60, pair(0.3, 1)), fixed);
    expect([...summary(revoked), revoked.change.reason]).toEqual(['fallback', 0, 'disagreement']);
    const again = replay([{ kind: 'mode', at: 3, mode: 'fixed', threshold: 0.2 }], revoked);
    expect(appliedThreshold(again)).toBe(0.2);
  });

  it('shows a name for every mode', () => {
    for (const mode of MODES) expect(stateName(start(mode, 1))).toBe(mode === 'auto' ? 'warming' : mode);
  });
});

describe('a fixed threshold', () => {
  const SET: ControlEvent = { kind: 'mode', at: 3, mode: 'fixed', threshold: 0.3 };
  const FAILURE: ControlEvent = { kind: 'failure', at: 5, message: 'shadow runs fail' };
  const SILENCE: ControlEvent = { kind: 'uncompared', at: 5, requests: 1e6, ms: 1e6 };
  const agreed = (count: number) => times(count, pair(0.3, 0));

  it('is all of production at once, and every answer is wanted once some disagree', () => {
    const fixed = replay([SET]);
    expect(production(fixed)).toEqual({ threshold: 0.3, share: 1, rest: 0 });
    const settled = replay(agreed(100), fixed);
    expect([interestIn(fixed, 0, OPTIONS), interestIn(settled, 0, OPTIONS)]).toEqual(['usual', 'usual']);
    expect(interestIn(step(settled, pair(0.3, 1), OPTIONS), 0.99, OPTIONS)).toBe('urgent');
  });

  it('is dense within 10 comparisons of a collapse, until the operator decides', () => {
    const collapsed = replay(times(10, pair(0.3, 1)), replay(agreed(500), replay([SET])));
    expect([...summary(collapsed), comparedThresholds(collapsed)]).toEqual(['fallback', 0, []]);
    const later = replay([...agreed(500), FAILURE, SILENCE, ...agreed(500)], collapsed);
    expect(summary(later)).toEqual(['fallback', 0]);
  });

  it.each<[string, ControlEvent, string]>([
    ['a failure', FAILURE, 'fallback'],
    ['answers that nobody compares', SILENCE, 'unverified'],
  ])(
    'is dense at once after %s, and comes back once enough answers were compared in the shadow',
    (_, event, name) => {
      const doubted = step(replay(agreed(100), replay([SET])), event, OPTIONS);
      expect([...summary(doubted), doubted.change.reason]).toEqual([
        name,
        0,
        event.kind === 'failure' ? 'failure' : 'unverified',
      ]);
      expect([comparedThresholds(doubted), interestIn(doubted, 0.99, OPTIONS), isWithheld(doubted)]).toEqual([
        [0.3],
        'welcome',
        true,
      ]);
      const almost = replay(agreed(OPTIONS.rampSamples - 1), doubted);
      expect(summary(almost)).toEqual([name, 0]);
      const back = step(almost, pair(0.3, 0), OPTIONS);
      expect([...summary(back), back.change.reason, interestIn(back, 0.99, OPTIONS)]).toEqual([
        'fixed',
        0.3,
        'verified',
        'usual',
      ]);
      const again = replay([event, ...agreed(OPTIONS.rampSamples - 1)], almost);
      expect(summary(again)).toEqual([name, 0]);
      const disagreed = replay(times(20, pair(0.3, 1)), doubted);
      expect(comparedThresholds(disagreed)).toEqual([]);
    },
  );

  it('stays when the traffic moves', () => {
    const settled = replay([SET, snapshot([1]), ...agreed(100)]);
    const drifted = step(settled, snapshot([1], { isDrift: true }), OPTIONS);
    expect([...summary(drifted), drifted.phase.kind]).toEqual(['fixed', 0.3, 'drifted']);
  });

  it('is pruned only while nothing speaks against it, whatever happens', () => {
    const events = fc.constantFrom<ControlEvent>(
      pair(0.3, 0),
      pair(0.3, 0.2),
      pair(0.3, 1),
      FAILURE,
      SILENCE,
      snapshot([1]),
      snapshot([1], { isDrift: true }),
    );
    const stories = fc.array(fc.tuple(events, fc.integer({ min: 1, max: 40 })), { maxLength: 12 });
    fc.assert(
      fc.property(stories, (story) => {
        let state = replay([SET]);
        let isRevoked = false;
        let sinceDoubt = Number.POSITIVE_INFINITY;
        for (const event of story.flatMap(([one, count]) => times(count, one))) {
          const { epoch } = state;
          state = step(state, event, OPTIONS);
          if (state.change.reason === 'disagreement') isRevoked = true;
          if (event.kind === 'failure' || event.kind === 'uncompared') sinceDoubt = 0;
          else if (event.kind === 'comparison') sinceDoubt++;
          // Comparisons on other traffic do not count towards a return.
          else if (state.epoch !== epoch && sinceDoubt < OPTIONS.rampSamples) sinceDoubt = 0;
          const isDense = isRevoked || sinceDoubt < OPTIONS.rampSamples;
          expect(appliedThreshold(state)).toBe(isDense ? 0 : 0.3);
        }
      }),
      { numRuns: 60 },
    );
  });
});

describe('whatever happens', () => {
  /** Which of the judged thresholds, the loss there, and the position of the request. */
  const judged = fc.tuple(
    fc.constantFrom(0, 1),
    fc.constantFrom(0, 0, 0, 0, 0.3, 1),
    fc.constantFrom(0, 0, 0.5),
  );
  const others = fc.constantFrom<ControlEvent>(
    snapshot([1]),
    snapshot([0.4, 1.2]),
    snapshot([]),
    snapshot([1], { samples: 10 }),
    snapshot([1], { isDrift: true }),
    snapshot([1], { isDrift: false, hasMoved: true }),
    pair(0.77, 1),
    { kind: 'mode', at: 5, mode: 'auto' },
    { kind: 'mode', at: 5, mode: 'observe' },
    { kind: 'mode', at: 5, mode: 'off' },
    { kind: 'failure', at: 5, message: 'broken' },
    { kind: 'uncompared', at: 5, requests: 1e6, ms: 1e6 },
  );
  /** Runs of equal events, so that trials are won and lost within a short story; pairs are at what is judged then. */
  const stories = fc.array(fc.tuple(fc.oneof(judged, others), fc.integer({ min: 1, max: 250 })), {
    maxLength: 14,
  });
  type Story = [[number, number, number] | ControlEvent, number][];

  function pairOf(state: ControllerState, which: number, loss: number, position: number): ControlEvent {
    const judgedNow = comparedThresholds(state, position);
    const threshold = judgedNow[Math.min(which, judgedNow.length - 1)] ?? 0.5;
    return pair(threshold, loss, threshold === dueAt(state, position));
  }

  type Hear = (before: ControllerState, after: ControllerState, event: ControlEvent) => void;

  function tell(story: Story, hear: Hear = () => {}) {
    let state = start();
    for (const [part, count] of story) {
      for (let i = 0; i < count; i++) {
        const event = Array.isArray(part) ? pairOf(state, ...part) : part;
        const next = step(state, event, OPTIONS);
        hear(state, next, event);
        state = next;
      }
    }
    return state;
  }

  const trialOf = ({ phase }: ControllerState) => ('search' in phase ? phase.search.trial : null);
  const isProvenBelow = (mean: number, losses: readonly number[]) =>
    mean >= 1 || isProven(losses.reduce(observe, noEvidence('below', mean)), OPTIONS.alpha / 2);

  it('has no share of production pruned without the evidence for that share, and none in another mode than auto', () => {
    fc.assert(
      fc.property(stories, (story) => {
        /** Thresholds that were proven in this epoch, and losses that the present trial has seen. */
        const proven = new Set<number>();
        let losses: number[] = [];
        tell(story as Story, (before, after, event) => {
          if (after.epoch !== before.epoch) proven.clear();
          const tried = trialOf(before);
          if (
            tried !== null &&
            event.kind === 'comparison' &&
            event.threshold === comparedThresholds(before).at(-1)
          )
            losses.push(event.loss);
          if (after.change !== before.change && after.change.reason === 'agreement-proven') {
            expect(isProvenBelow(OPTIONS.allowedLoss, losses)).toBe(true);
            proven.add(comparedThresholds(before).at(-1)!);
          }
          const now = production(after);
          if (now.threshold !== 0) expect(after.mode).toBe('auto');
          if (now.rest !== 0) expect(proven).toContain(now.rest);
          const was = production(before);
          const isMore = now.threshold !== was.threshold || now.share > was.share;
          if (now.threshold !== 0 && isMore && !proven.has(now.threshold)) {
            expect(now.rest).toBe(0);
            expect(losses.length).toBeGreaterThanOrEqual(OPTIONS.rampSamples);
            expect(isProvenBelow(OPTIONS.allowedLoss / now.share, losses)).toBe(true);
          }
          if (trialOf(after) === null || trialOf(after)!.accept.observations === 0) losses = [];
        });
      }),
      { numRuns: 150 },
    );
  });

  it('judges no threshold twice, and counts no comparison twice', () => {
    fc.assert(
      fc.property(stories, (story) => {
        tell(story as Story, (before, after) => {
          for (const position of [0, 0.02, 0.9]) {
            const judgedNow = comparedThresholds(after, position);
            expect(new Set(judgedNow).size).toBe(judgedNow.length);
          }
          const [was, is] = [trialOf(before), trialOf(after)];
          if (was !== null && is !== null && was.rung === is.rung && is.accept.observations > 0)
            expect(is.accept.observations - was.accept.observations).toBeLessThanOrEqual(1);
        });
      }),
      { numRuns: 40 },
    );
  });

  it('dense is one command away, and a failure of the estimator is dense too', () => {
    fc.assert(
      fc.property(stories, (story) => {
        const state = tell(story as Story);
        expect(production(replay([{ kind: 'mode', at: 9, mode: 'off' }], state)).threshold).toBe(0);
        expect(production(replay([{ kind: 'failure', at: 9, message: 'x' }], state)).threshold).toBe(0);
      }),
      { numRuns: 40 },
    );
  });

  it('total disagreement ends in dense, from everywhere', () => {
    fc.assert(
      fc.property(stories, (story) => {
        const state = tell(story as Story);
        const { pairs } = judge(
          state,
          () => 1,
          (s) => production(s).threshold === 0,
          100,
        );
        expect(pairs).toBeLessThanOrEqual(20);
      }),
      { numRuns: 40 },
    );
  });

  it('is a pure fold whose state JSON keeps: the same events from a restored state give the same', () => {
    fc.assert(
      fc.property(stories, stories, (before, after) => {
        const state = tell(before as Story);
        const restored = JSON.parse(JSON.stringify(state)) as ControllerState;
        expect(restored).toEqual(state);
        const events = (after as Story).flatMap(([part]) =>
          Array.isArray(part) ? [pairOf(state, ...part)] : [Object.freeze(part)],
        );
        expect(JSON.stringify(replay(events, restored))).toBe(JSON.stringify(replay(events, state)));
      }),
      { numRuns: 30 },
    );
  });
});
