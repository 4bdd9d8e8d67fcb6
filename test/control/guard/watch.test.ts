import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Unit } from '../../../src/control/guard/blocks.ts';
import { noEvidence, observeAfresh, wealth } from '../../../src/control/guard/evidence.ts';
import {
  alarmWealth,
  freshWatch,
  isAlarmed,
  isCollapse,
  isMostlyLost,
  isSuspicious,
  watched,
} from '../../../src/control/guard/watch.ts';

const OPTIONS = { allowedLoss: 0.01, alarmRunLength: 2000 };
const losses = fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 1, maxLength: 120 });

/** Eight requests of evidence and four between blocks. */
const unitOf = (index: number): Unit => ({
  stream: 0,
  block: Math.floor(index / 12),
  left: 7 - (index % 12),
});

describe('the guard', () => {
  it('bets on every comparison where none resembles another', () => {
    fc.assert(
      fc.property(losses, (all) => {
        const watch = all.reduce((before, loss) => watched(before, loss), freshWatch(OPTIONS));
        const evidence = all.reduce(observeAfresh, noEvidence('above', OPTIONS.allowedLoss));
        expect(alarmWealth(watch)).toBe(wealth(evidence));
        expect(watch.suspicion).toEqual(evidence);
      }),
    );
  });

  it('is suspicious after one lost answer, blocks or not', () => {
    for (const unit of [undefined, unitOf(0)])
      expect(isSuspicious(watched(freshWatch(OPTIONS), 1, unit))).toBe(true);
  });

  it('has as much against a threshold at the end of a block as it had foretold, or more', () => {
    fc.assert(
      fc.property(losses, (all) => {
        let watch = freshWatch(OPTIONS);
        let foretold = 0;
        for (const [index, loss] of all.entries()) {
          const unit = unitOf(index);
          watch = watched(watch, loss, unit);
          if (unit.left === 0) expect(alarmWealth(watch)).toBeGreaterThanOrEqual(foretold * (1 - 1e-9));
          foretold = unit.left > 0 ? Math.max(foretold, alarmWealth(watch)) : 0;
        }
      }),
    );
  });

  it('alarms before the end of the block that decides it, and not in the first, whatever is lost there', () => {
    let watch = freshWatch(OPTIONS);
    let index = 0;
    // Of a threshold that production is not at.
    while (!isAlarmed(watch, OPTIONS)) watch = watched(watch, 1, unitOf(index++), false);
    expect(index).toBeGreaterThan(12);
    expect(unitOf(index - 1).left).toBeGreaterThan(0);
    let alone = freshWatch(OPTIONS);
    let answers = 0;
    for (; !isAlarmed(alone, OPTIONS); answers++) alone = watched(alone, 1);
    expect(answers).toBeLessThan(5);
  });

  it.each([
    [60, 185],
    [512, 1576],
  ])(
    'waits for no evidence where production loses half: 16 lost answers in blocks of %i, instead of %i',
    (blockRequests, before) => {
      const gap = Math.floor(blockRequests / 3);
      const delay = (isDue: boolean) => {
        let watch = freshWatch(OPTIONS);
        let index = 0;
        for (; index < 2 * blockRequests; index++) watch = watched(watch, 0, blockUnit(index), isDue);
        for (; !isAlarmed(watch, OPTIONS); index++) watch = watched(watch, 1, blockUnit(index), isDue);
        return { answers: index - 2 * blockRequests, isCollapse: isCollapse(watch, OPTIONS) };
      };
      const blockUnit = (index: number): Unit => ({
        stream: 0,
        block: Math.floor(index / blockRequests),
        left: blockRequests - gap - 1 - (index % blockRequests),
      });
      expect(delay(true)).toEqual({ answers: 16, isCollapse: true });
      expect(delay(false).answers).toBe(before);
    },
  );

  it('takes less than half of what could be lost for no collapse by itself, nor what may be lost', () => {
    const unit = unitOf(0);
    let watch = freshWatch(OPTIONS);
    for (let i = 0; i < 400; i++) watch = watched(watch, i % 32 < 15 ? 1 : 0, unit);
    expect(isMostlyLost(watch, OPTIONS)).toBe(false);
    watch = watched(watched(watch, 1, unit), 1, unit);
    for (let i = 0; i < 32; i++) watch = watched(watch, 0.6, unit);
    expect(isMostlyLost(watch, OPTIONS)).toBe(true);
    expect(isMostlyLost(watch, { allowedLoss: 0.4 })).toBe(false);
    expect(watched(watch, 1).served).toBeUndefined();
  });
});
