import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { advance, isRamped, RAMP_DONE, RAMP_START, rampShare } from '../../../src/control/rollout/ramp.ts';

describe('a ramp', () => {
  it('goes 1, 5, 25, 100 %, so many comparisons in each stage', () => {
    const shares: number[] = [];
    for (let ramp = RAMP_START, i = 0; i < 10; i++, ramp = advance(ramp, true, 3))
      shares.push(rampShare(ramp));
    expect(shares).toEqual([0.01, 0.01, 0.01, 0.05, 0.05, 0.05, 0.25, 0.25, 0.25, 1]);
  });

  it('stays at 100 %', () => {
    expect(isRamped(RAMP_DONE)).toBe(true);
    expect(advance(RAMP_DONE, true, 3)).toBe(RAMP_DONE);
  });

  it('ends no stage before enough of its own requests were compared, however many of the others', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 40 }),
        fc.infiniteStream(fc.double({ min: 0, max: 1 })),
        (wanted, positions) => {
          let ramp = RAMP_START;
          let own = 0;
          for (const position of positions) {
            if (isRamped(ramp)) return;
            const isDue = position < rampShare(ramp);
            own += isDue ? 1 : 0;
            const next = advance(ramp, isDue, wanted);
            if (next.stage > ramp.stage) {
              expect(own >= wanted || ramp.others + 1 >= (2 * wanted) / rampShare(ramp)).toBe(true);
              own = 0;
            }
            ramp = next;
          }
        },
      ),
      { numRuns: 20 },
    );
  });

  it('does not wait for ever for requests that nobody sends', () => {
    const compared: number[] = [];
    let ramp = RAMP_START;
    for (let others = 1; !isRamped(ramp); others++) {
      const next = advance(ramp, false, 16);
      if (next.stage > ramp.stage) compared.push(others);
      ramp = next;
    }
    expect(compared).toEqual([3200, 3200 + 640, 3200 + 640 + 128]);
  });
});
