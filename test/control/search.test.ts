import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  beginSearch,
  leastSamples,
  nextTrial,
  observeTrial,
  onTrial,
  type Search,
  type SearchOptions,
} from '../../src/control/search.ts';
import { xorshift } from '../../src/random.ts';
import { ladder } from './events.ts';

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
    expect(search.trials).toBeLessThanOrEqual(6);
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
