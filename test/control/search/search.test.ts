import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { RAMP_SHARES } from '../../../src/control/rollout/ramp.ts';
import {
  allowedStage,
  beginSearch,
  dropped,
  leastSamples,
  nextTrial,
  observeTrial,
  onTrial,
  type Search,
  type SearchOptions,
} from '../../../src/control/search/search.ts';
import { xorshift } from '../../../src/drift/xorshift.ts';
import { ladder } from '../events.ts';

const OPTIONS: SearchOptions = { allowedLoss: 0.05, alpha: 0.01, trialSamples: 4000 };
const TWENTY = Array.from({ length: 20 }, (_, i) => (i + 1) / 25);

/** Runs a search on independent losses whose mean depends on the sparsity, until no trial is left. */
function run(search: Search, lossOf: (sparsity: number) => number, seed = 1, options = OPTIONS) {
  const random = xorshift(seed);
  let samples = 0;
  while (search.trial !== null) {
    const { sparsity } = onTrial(search)!;
    const loss = random() < lossOf(sparsity) ? 1 : 0;
    const observed = observeTrial(search, search.trial, loss, options);
    search = observed.verdict === 'open' ? observed.search : nextTrial(observed.search, options);
    samples++;
  }
  return { search, samples };
}

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

  it('accepts a rung beyond the objective in at most α of searches (1,000 searches, all rungs just beyond)', () => {
    const options = { ...OPTIONS, alpha: 0.05, trialSamples: 300 };
    let wrong = 0;
    for (let seed = 1; seed <= 1000; seed++) {
      const { search } = run(beginSearch(ladder(TWENTY, 10), 0, options), () => 0.05, seed, options);
      if (search.proven >= 0) wrong++;
    }
    expect(wrong / 1000).toBeLessThanOrEqual(0.05);
  });

  it('proves a rung beyond the objective, or allows it too large a share, in at most α of searches (400, random losses)', () => {
    const options = { ...OPTIONS, alpha: 0.1, trialSamples: 400 };
    let wrong = 0;
    for (let seed = 1; seed <= 400; seed++) {
      const random = xorshift(seed);
      for (let i = 0; i < 20; i++) random();
      let loss = 0;
      const lossAt = TWENTY.map(() => {
        loss = Math.min(1, loss + 0.1 * random() ** 4);
        return loss;
      });
      if (
        isWrong(beginSearch(ladder(TWENTY, Math.floor(20 * random())), 0, options), lossAt, random, options)
      )
        wrong++;
    }
    expect(wrong / 400).toBeLessThanOrEqual(0.1);
    expect(wrong).toBeGreaterThan(0);
  });

  function isWrong(
    from: Search,
    lossAt: readonly number[],
    random: () => number,
    options: SearchOptions,
  ): boolean {
    let search = from;
    while (search.trial !== null) {
      const { rung } = search.trial;
      const loss = random() < lossAt[rung]! ? 1 : 0;
      const observed = observeTrial(search, search.trial, loss, options);
      search = observed.verdict === 'open' ? observed.search : nextTrial(observed.search, options);
      if (search.proven >= 0 && lossAt[search.proven]! > options.allowedLoss) return true;
      if (search.trial === null || search.trial.rung !== rung) continue;
      const share = RAMP_SHARES[allowedStage(search, search.trial, options)] ?? 0;
      if (share * lossAt[rung]! > options.allowedLoss) return true;
    }
    return false;
  }

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
      const { search: next, verdict } = observeTrial(search, trial, loss, patient);
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
      const observed = observeTrial(next, next.trial!, 0, OPTIONS);
      ({ verdict } = observed);
      next = observed.search;
    }
    expect(leastSamples(search, OPTIONS)).toBe(samples);
  });
});
