import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { noEvidence, observe, wealth } from '../../../src/control/guard/evidence.ts';
import { provenShare } from './proven-share.ts';

const claims = fc.constantFrom<'above' | 'below'>('above', 'below');
const observations = fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 60 });

describe('evidence', () => {
  it('begins with a wealth of 1', () => {
    expect(wealth(noEvidence('above', 0.05))).toBe(1);
  });

  it('has an expected wealth of exactly 1 at the boundary of its hypothesis (all 2^10 sequences summed)', () => {
    for (const claim of ['above', 'below'] as const) {
      for (const mean of [0.05, 0.3]) {
        let expected = 0;
        for (let outcomes = 0; outcomes < 1 << 10; outcomes++) {
          let evidence = noEvidence(claim, mean);
          let probability = 1;
          for (let i = 0; i < 10; i++) {
            const d = (outcomes >> i) & 1;
            probability *= d === 1 ? mean : 1 - mean;
            evidence = observe(evidence, d);
          }
          expected += probability * wealth(evidence);
        }
        expect(expected).toBeCloseTo(1, 10);
      }
    }
  });

  it('does not depend on the order of the observations', () => {
    fc.assert(
      fc.property(claims, observations, (claim, ds) => {
        const forward = ds.reduce(observe, noEvidence(claim, 0.1));
        const backward = [...ds].reverse().reduce(observe, noEvidence(claim, 0.1));
        expect(wealth(backward)).toBeCloseTo(wealth(forward), 6 - Math.log10(wealth(forward) + 1));
      }),
    );
  });

  it('never goes broke, and grows only on observations that favour the claim', () => {
    fc.assert(
      fc.property(
        claims,
        fc.double({ min: 0.01, max: 0.5, noNaN: true }),
        observations,
        (claim, mean, ds) => {
          let evidence = noEvidence(claim, mean);
          for (const d of ds) {
            const before = wealth(evidence);
            evidence = observe(evidence, d);
            expect(wealth(evidence)).toBeGreaterThan(0);
            const isFor = claim === 'above' ? d > mean : d < mean;
            if (isFor) expect(wealth(evidence)).toBeGreaterThanOrEqual(before);
            else expect(wealth(evidence)).toBeLessThanOrEqual(before * (1 + 1e-12));
          }
        },
      ),
    );
  });

  it('proves what is true: 1 % of disagreement is below 5 %, 20 % above', () => {
    expect(provenShare('below', 0.05, 0.01, 0.01, 300, 600)).toBeGreaterThan(0.9);
    expect(provenShare('above', 0.05, 0.2, 0.01, 300, 100)).toBeGreaterThan(0.9);
  });
});
