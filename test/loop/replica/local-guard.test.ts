import { describe, expect, it } from 'vitest';
import { LocalGuard } from '../../../src/loop/replica/local-guard.ts';

const OPTIONS = { allowedLoss: 0.05, alarmRunLength: 1000, cooldownSamples: 20, rampSamples: 4 };

function guard(): LocalGuard {
  const one = new LocalGuard(OPTIONS);
  one.follow(1, false);
  return one;
}

function compared(one: LocalGuard, loss: number, count: number): LocalGuard {
  for (let i = 0; i < count; i++) one.compared(loss, undefined, true);
  return one;
}

describe('LocalGuard', () => {
  it('holds nothing against answers that are as good as allowed', () => {
    const one = guard();
    for (let i = 0; i < 5000; i++) one.compared(i % 20 === 0 ? 1 : 0, undefined, true);
    expect(one.withheld).toBeUndefined();
  });

  it('withholds answers that are wrong, until as many were right as after a disagreement', () => {
    const one = compared(guard(), 1, 40);
    expect(one.withheld).toBe('disagreement');
    expect(compared(one, 0, 19).withheld).toBe('disagreement');
    expect(compared(one, 0, 80).withheld).toBeUndefined();
  });

  it('is not brought back by answers that go on being wrong now and then', () => {
    const one = compared(guard(), 1, 40);
    for (let i = 0; i < 1000; i++) {
      one.compared(i % 4 === 0 ? 1 : 0, undefined, true);
      expect(one.withheld).toBe('disagreement');
    }
  });

  it('begins afresh at a lower threshold, and on other traffic, not at a higher one', () => {
    const lower = compared(guard(), 1, 40);
    lower.follow(0.5, false);
    expect(lower.withheld).toBeUndefined();
    const other = compared(guard(), 1, 40);
    other.follow(1, true);
    expect(other.withheld).toBeUndefined();
    const higher = compared(guard(), 1, 40);
    higher.follow(2, false);
    expect(higher.withheld).toBe('disagreement');
  });

  it('withholds while shadow runs fail, whatever is compared, and until enough have run', () => {
    const one = guard();
    one.failed();
    expect(compared(one, 0, 100).withheld).toBe('failure');
    for (let i = 0; i < 19; i++) one.ran();
    expect(one.withheld).toBe('failure');
    one.ran();
    expect(one.withheld).toBeUndefined();
  });

  it('withholds what nobody compares for a few comparisons, and forgets that where there is nothing to compare', () => {
    const one = guard();
    one.uncompared();
    expect(compared(one, 0, 3).withheld).toBe('unverified');
    expect(compared(one, 0, 1).withheld).toBeUndefined();
    one.uncompared();
    one.follow(0, false);
    expect(one.withheld).toBeUndefined();
  });

  it('takes a silence for less than a disagreement', () => {
    const one = compared(guard(), 1, 40);
    one.uncompared();
    expect(one.withheld).toBe('disagreement');
  });
});
