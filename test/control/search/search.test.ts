import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  beginSearch,
  dropped,
  leastSamples,
  nextTrial,
  observeTrial,
  onTrial,
} from '../../../src/control/search/search.ts';
import { xorshift } from '../../../src/drift/xorshift.ts';
import { ladder } from '../events.ts';
import { OPTIONS, run, TWENTY } from './run-search.ts';

describe('a search', () => {
  it('begins at the start, and lower after strikes', () => {
    const from = (strikes: number) => onTrial(beginSearch(ladder(TWENTY, 8), strikes, OPTIONS))?.sparsity;
    expect([from(0), from(1), from(2), from(9)]).toEqual([TWENTY[8], TWENTY[4], TWENTY[2], TWENTY[0]]);
  });

  it('has nothing to try on an empty ladder', () => {
    expect(beginSearch(ladder([]), 0, OPTIONS).trial).toBeNull();
  });

  it('climbs in growing strides while everything is proven, up to the last rung', () => {
    const { search } = run(beginSearch(ladder(TWENTY, 0), 0, OPTIONS), () => 0);
    expect(search).toMatchObject({ proven: 19, refuted: 20, trial: null });
    expect(search.unproven).toBe(0);
  });

  it('finds the last rung within the objective, from above and from below', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: -1, max: 19 }),
        fc.integer({ min: 0, max: 19 }),
        fc.integer({ min: 1, max: 1e6 }),
        (last, start, seed) => {
          const lossOf = (sparsity: number) => (last >= 0 && sparsity <= TWENTY[last]! ? 0.002 : 0.4);
          const { search } = run(beginSearch(ladder(TWENTY, start), 0, OPTIONS), lossOf, seed);
          expect([search.proven, search.refuted]).toEqual([last, last + 1]);
        },
      ),
      { numRuns: 60 },
    );
  });

  it('gives up what it can neither prove nor refute, and takes less', () => {
    const { search } = run(beginSearch(ladder(TWENTY, 10), 0, OPTIONS), (s) => (s > 0.2 ? 0.05 : 0));
    expect(search.proven).toBeLessThan(10);
    expect(search.rungs[search.proven]!.sparsity).toBeLessThanOrEqual(0.2);
  });

  it('spends error probability on trials that end without a proof alone', () => {
    const proofs = run(beginSearch(ladder(TWENTY, 0), 0, OPTIONS), () => 0).search;
    expect([proofs.proven, proofs.unproven]).toEqual([19, 0]);
    expect(leastSamples({ ...proofs, unproven: 3 }, OPTIONS)).toBeGreaterThan(leastSamples(proofs, OPTIONS));
  });

  it('counts a trial that is broken off as one without a proof', () => {
    const search = beginSearch(ladder(TWENTY, 0), 0, OPTIONS);
    expect(dropped(search)).toMatchObject({ trial: null, unproven: 1 });
    expect(dropped(dropped(search)).unproven).toBe(1);
  });

  it('puts a candidate off while nothing is proven, and tries above the first proof again', () => {
    const patient = { ...OPTIONS, trialSamples: 4000 };
    const lossOf = (s: number) => (s > 0.3 ? 0.03 : 0.001);
    let search = beginSearch(ladder(TWENTY, 10), 0, patient);
    const random = xorshift(5);
    const ends: unknown[] = [];
    while (search.trial !== null) {
      const { trial } = search;
      const loss = random() < lossOf(onTrial(search)!.sparsity) ? 1 : 0;
      const { search: next, verdict } = observeTrial(search, trial, { loss }, patient);
      if (verdict !== 'open') ends.push([verdict, trial.rung >= 7]);
      search = verdict === 'open' ? next : nextTrial(next, patient);
    }
    expect(ends[0]).toEqual(['given-up', true]);
    expect(ends).toContainEqual(['proven', true]);
    expect(search.ceiling.rung).toBe(search.refuted);
  });

  it('knows how many samples it takes at the least: as many as a flawless trial', () => {
    const search = beginSearch(ladder(TWENTY, 0), 0, OPTIONS);
    let next = search;
    let samples = 0;
    for (let verdict = 'open'; verdict === 'open'; samples++) {
      const observed = observeTrial(next, next.trial!, { loss: 0 }, OPTIONS);
      ({ verdict } = observed);
      next = observed.search;
    }
    expect(leastSamples(search, OPTIONS)).toBe(samples);
  });
});
