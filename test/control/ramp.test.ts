import { describe, expect, it } from 'vitest';
import { advance, isRamped, RAMP_DONE, RAMP_START, rampShare } from '../../src/control/ramp.ts';

describe('a ramp', () => {
  it('goes 1, 5, 25, 100 %, so many comparisons in each stage', () => {
    const shares: number[] = [];
    for (let ramp = RAMP_START, i = 0; i < 10; i++, ramp = advance(ramp, 3)) shares.push(rampShare(ramp));
    expect(shares).toEqual([0.01, 0.01, 0.01, 0.05, 0.05, 0.05, 0.25, 0.25, 0.25, 1]);
  });

  it('stays at 100 %', () => {
    expect(isRamped(RAMP_DONE)).toBe(true);
    expect(advance(RAMP_DONE, 3)).toBe(RAMP_DONE);
  });
});
