import {
  nextTrial,
  observeTrial,
  onTrial,
  type Search,
  type SearchOptions,
} from '../../../src/control/search/search.ts';
import { xorshift } from '../../../src/drift/xorshift.ts';

export const OPTIONS: SearchOptions = {
  allowedLoss: 0.05,
  alpha: 0.01,
  trialSamples: 4000,
  keepsInputs: false,
};
/** Sparsities of a ladder. */
export const TWENTY = Array.from({ length: 20 }, (_, i) => (i + 1) / 25);

/** Runs a search on independent losses whose mean depends on the sparsity, until no trial is left. */
export function run(search: Search, lossOf: (sparsity: number) => number, seed = 1, options = OPTIONS) {
  const random = xorshift(seed);
  let samples = 0;
  while (search.trial !== null) {
    const { sparsity } = onTrial(search)!;
    const loss = random() < lossOf(sparsity) ? 1 : 0;
    const observed = observeTrial(search, search.trial, { loss }, options);
    search = observed.verdict === 'open' ? observed.search : nextTrial(observed.search, options);
    samples++;
  }
  return { search, samples };
}
