import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Interval, type IntervalReading, intervalMoved } from '../../src/drift/interval-moved.ts';

const APPLIED = [1, 1.2] as const;
const ABOVE = [1.3, 1.5] as const;
const BELOW = [0.7, 0.9] as const;
const SAME = [1.1, 1.4] as const;

function replay(intervals: readonly (Interval | null)[], confirmations = 3): IntervalReading | null {
  let reading: IntervalReading | null = null;
  for (const interval of intervals) reading = intervalMoved(APPLIED, interval, reading, confirmations);
  return reading;
}

describe('intervalMoved', () => {
  it.each([
    ['apart on one side often enough', [ABOVE, ABOVE, ABOVE], true],
    ['below', [BELOW, BELOW, BELOW], true],
    ['not often enough', [ABOVE, ABOVE], false],
    ['an overlap between', [ABOVE, ABOVE, SAME, ABOVE], false],
    ['on either side in turn', [ABOVE, ABOVE, BELOW, BELOW], false],
    ['no critical point between', [ABOVE, ABOVE, null, ABOVE], true],
    [
      'touching',
      [
        [1.2, 2],
        [1.2, 2],
        [1.2, 2],
      ] as Interval[],
      false,
    ],
    ['nothing known', [null, null, null], false],
  ] as const)('%s', (_, intervals, hasMoved) => {
    expect(replay(intervals)!.hasMoved).toBe(hasMoved);
  });

  it('never says so of intervals that hold the applied threshold', () => {
    const around = fc.tuple(
      fc.double({ min: 0, max: 1.1, noNaN: true }),
      fc.double({ min: 1.1, max: 9, noNaN: true }),
    );
    fc.assert(
      fc.property(fc.array(around, { minLength: 1 }), (intervals) => {
        expect(replay(intervals, 1)!.hasMoved).toBe(false);
      }),
    );
  });
});
