import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { AIM, HOPELESS, LadderPilot, likelyLosses } from '../../../src/control/search/pilot.ts';

const ALLOWED = 0.01;
/** Mean losses of a ladder's rungs, never falling. */
const LADDER = fc
  .array(fc.double({ min: 0, max: 0.05, noNaN: true }), { minLength: 1, maxLength: 60 })
  .map((losses) => losses.sort((a, b) => a - b));

function piloted(losses: readonly number[], start: number, inputs = 40) {
  const pilot = new LadderPilot(losses.length, start, inputs, ALLOWED);
  let runs = 0;
  for (let { next } = pilot; next !== null; { next } = pilot) {
    expect(next.input).toBeLessThan(inputs);
    pilot.add(losses[next.rung]!);
    runs++;
  }
  return { pilot, runs };
}

describe('a pilot', () => {
  it('finds where the loss passes what it aims at, and where all is hopeless, in few rungs', () => {
    fc.assert(
      fc.property(LADDER, fc.nat(59), (losses, start) => {
        const { pilot, runs } = piloted(losses, Math.min(start, losses.length - 1));
        const asked = new Map(pilot.losses);
        for (const share of [AIM, HOPELESS]) {
          const limit = share * ALLOWED;
          const above = losses.findIndex((loss) => loss > limit + 1e-9);
          const rung = above < 0 ? losses.length : above;
          if (rung < losses.length) expect(asked.get(rung)).toBeGreaterThan(limit);
          if (rung > 0) expect(asked.get(rung - 1)).toBeLessThanOrEqual(limit + 1e-9);
        }
        expect(asked.size).toBeLessThanOrEqual(3 + 2 * Math.ceil(Math.log2(losses.length + 1)));
        expect(runs).toBeLessThanOrEqual(40 * asked.size);
      }),
    );
  });

  it('gives a hopeless rung up as soon as it has lost too much', () => {
    const { pilot, runs } = piloted([1], 0, 160);
    expect(runs).toBe(4);
    expect(pilot.losses).toEqual([[0, 4 / 160]]);
  });
});

describe('likely losses', () => {
  it('are what was measured, never fall, and lie between their neighbours', () => {
    fc.assert(
      fc.property(LADDER, fc.nat(59), (losses, start) => {
        const sparsities = losses.map((_, i) => (i + 1) / (losses.length + 1));
        const { pilot } = piloted(losses, Math.min(start, losses.length - 1));
        const likely = likelyLosses(sparsities, pilot.losses, ALLOWED);
        expect(likely).toHaveLength(losses.length);
        for (const [i, loss] of likely.entries())
          expect(loss).toBeGreaterThanOrEqual((likely[i - 1] ?? 0) - 1e-12);
        // A hopeless rung has only what it lost until it was given up.
        let worst = 0.05 * ALLOWED;
        for (const [rung, loss] of [...pilot.losses].sort(([a], [b]) => a - b)) {
          worst = Math.max(worst, loss);
          expect(likely[rung]).toBeCloseTo(worst, 9);
        }
      }),
    );
  });
});
