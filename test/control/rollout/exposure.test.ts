import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isProven, noEvidence, observe, wealth } from '../../../src/control/guard/evidence.ts';
import { exposed, exposedLoss, lastExposed, noExposure } from '../../../src/control/rollout/exposure.ts';
import { RAMP_SHARES } from '../../../src/control/rollout/ramp.ts';

const loss = fc.oneof(fc.constantFrom(0, 0, 0, 0.01, 1), fc.double({ min: 0, max: 1, noNaN: true }));
const losses = fc.array(loss, { maxLength: 400 });
const mean = fc.double({ min: 1e-4, max: 0.9, noNaN: true });
const exposureAfter = (seen: readonly number[], allowedLoss: number) =>
  seen.reduce(exposed, noExposure(allowedLoss));

describe('evidence for a part of production', () => {
  it('is about the loss that the part may have: m/s, where that is below 1', () => {
    const means = RAMP_SHARES.map((share) => exposedLoss(share, 0.01));
    for (const [i, mean] of [1, 0.2, 0.04, 0.01].entries()) expect(means[i]).toBeCloseTo(mean, 12);
    expect(noExposure(0.01).map((evidence) => evidence?.mean ?? null)).toEqual([null, ...means.slice(1, 3)]);
  });

  it('is at least that for a smaller mean, on every path: what is proven below m is proven below m/s', () => {
    fc.assert(
      fc.property(losses, mean, fc.double({ min: 0.01, max: 1, noNaN: true }), (seen, allowedLoss, share) => {
        const larger = Math.min(exposedLoss(share, allowedLoss), 0.99);
        let small = noEvidence('below', Math.min(allowedLoss, larger));
        let large = noEvidence('below', larger);
        for (const x of seen) {
          small = observe(small, x);
          large = observe(large, x);
          expect(wealth(large)).toBeGreaterThanOrEqual(wealth(small) * (1 - 1e-9));
        }
      }),
      { numRuns: 200 },
    );
  });

  it('allows a stage only with those before it, and all of them once the whole is proven', () => {
    fc.assert(
      fc.property(losses, mean, (seen, allowedLoss) => {
        const exposure = exposureAfter(seen, allowedLoss);
        const last = lastExposed(exposure, 0.01);
        const isAllowed = exposure.map((evidence) => evidence === null || isProven(evidence, 0.01));
        expect(isAllowed.slice(0, last + 1).every(Boolean)).toBe(true);
        const whole = seen.reduce(observe, noEvidence('below', allowedLoss));
        if (isProven(whole, 0.0101)) expect(last).toBe(exposure.length - 1);
      }),
      { numRuns: 200 },
    );
  });

  it('needs about 27 flawless comparisons for 5 %, 150 for 25 % where a loss of .01 is allowed', () => {
    const stages = Array.from({ length: 160 }, (_, n) =>
      lastExposed(exposureAfter(new Array<number>(n).fill(0), 0.01), 0.01 / 2),
    );
    expect([stages[0], stages.indexOf(1), stages.indexOf(2)]).toEqual([0, 27, 147]);
  });

  it('needs proof for the first share, too, where less is allowed than it could lose', () => {
    expect(lastExposed(noExposure(0.001), 0.01)).toBe(-1);
  });
});
