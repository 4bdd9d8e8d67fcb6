import { describe, expect, it } from 'vitest';
import { RAMP_SHARES } from '../../../src/control/rollout/ramp.ts';
import {
  allowedStage,
  beginSearch,
  nextTrial,
  observeTrial,
  type Search,
  type SearchOptions,
} from '../../../src/control/search/search.ts';
import { xorshift } from '../../../src/drift/xorshift.ts';
import { ladder } from '../events.ts';
import { OPTIONS, run, TWENTY } from './run-search.ts';

describe('a search', () => {
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
    const observed = observeTrial(search, search.trial, { loss }, options);
    search = observed.verdict === 'open' ? observed.search : nextTrial(observed.search, options);
    if (search.proven >= 0 && lossAt[search.proven]! > options.allowedLoss) return true;
    if (search.trial === null || search.trial.rung !== rung) continue;
    const share = RAMP_SHARES[allowedStage(search, search.trial, options)] ?? 0;
    if (share * lossAt[rung]! > options.allowedLoss) return true;
  }
  return false;
}
