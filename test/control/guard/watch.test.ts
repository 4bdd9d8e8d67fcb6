import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Unit } from '../../../src/control/guard/blocks.ts';
import { noEvidence, observeAfresh, wealth } from '../../../src/control/guard/evidence.ts';
import {
  alarmWealth,
  freshWatch,
  isAlarmed,
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
    while (!isAlarmed(watch, OPTIONS)) watch = watched(watch, 1, unitOf(index++));
    expect(index).toBeGreaterThan(12);
    expect(unitOf(index - 1).left).toBeGreaterThan(0);
    let alone = freshWatch(OPTIONS);
    let answers = 0;
    for (; !isAlarmed(alone, OPTIONS); answers++) alone = watched(alone, 1);
    expect(answers).toBeLessThan(5);
  });
});
