import { grouped, type OpenBlock, type Unit } from '../guard/blocks.ts';
import { type Evidence, isProven, noEvidence, observe } from '../guard/evidence.ts';
import { type Exposure, exposed, lastExposed, noExposure } from '../rollout/exposure.ts';
import type { Candidate, Ladder } from './ladder.ts';
import type { PilotLoss } from './pilot.ts';
import {
  meanLoss,
  openTests,
  provenRungs,
  type RungTests,
  tested,
  testsAnew,
  testsOf,
  withoutRungs,
} from './rung-tests.ts';

/** A candidate whose pruned answers are compared with dense ones, and the evidence so far. */
export interface Trial {
  readonly rung: number;
  /** Evidence that the mean loss is below the allowed one. Its proof admits the candidate to all of production. */
  readonly accept: Evidence;
  /** Evidence that the mean loss is small enough for a part of production while the rest is dense. */
  readonly exposure: Exposure;
  /** Evidence that the mean loss is above the allowed one. Its proof refutes the candidate. */
  readonly reject: Evidence;
  /** Blocks of requests that resemble each other, and of which some are still to come. The evidence is of those that are complete. */
  readonly open: readonly OpenBlock[];
  /** Sum of the losses so far, each block counting as one. */
  readonly loss: number;
  /** Comparisons after which it is given up. */
  readonly patience: number;
}

/**
 * What is known about the rungs of a ladder. Loss grows with τ, so a proven rung speaks for all below it and a refuted one
 * for all above it.
 */
export interface Search extends Ladder {
  /** The highest rung that was proven; −1: none. */
  readonly proven: number;
  /** The lowest rung that was refuted, given up or put off; the number of rungs: none. */
  readonly refuted: number;
  /** The lowest rung that was refuted or given up, and its mean loss. A rung that was put off is tried again once something is proven. */
  readonly ceiling: { readonly rung: number; readonly loss: number | null };
  /** Rungs to go up after the next proof while nothing is refuted. */
  readonly stride: number;
  /** Trials that ended without a proof: each leaves a smaller part of the error probability. */
  readonly unproven: number;
  readonly trial: Trial | null;
  /** All rungs are judged on kept inputs; null: one after the other is tried on live comparisons. */
  readonly tests: RungTests | null;
  /** Mean loss at the highest proven rung and at the lowest refuted one, as their trials saw it; null before there is one. */
  readonly lossAt: { readonly proven: number | null; readonly refuted: number | null };
}

export interface SearchOptions {
  /** Mean loss that is allowed: 1 − the agreement objective. */
  readonly allowedLoss: number;
  /** Probability that any candidate of one search is accepted although its loss is above what is allowed. */
  readonly alpha: number;
  /** Sampled requests after which a trial that has proven nothing is given up; fewer where nothing at all is proven yet. */
  readonly trialSamples: number;
  /** Whether requests are kept with their dense answers, so that all rungs can be judged on the same ones. */
  readonly keepsInputs: boolean;
}

export type Verdict = 'proven' | 'refuted' | 'given-up' | 'open';

/** A search that begins at the ladder's start, or lower: every strike halves the way up to it. */
export function beginSearch({ rungs, start }: Ladder, strikes: number, options: SearchOptions): Search {
  const first = start >> strikes;
  const search = {
    rungs,
    start: first,
    proven: -1,
    refuted: rungs.length,
    ceiling: { rung: rungs.length, loss: null },
    stride: 1,
    unproven: 0,
    trial: null,
    tests: null,
    lossAt: { proven: null, refuted: null },
  };
  if (options.keepsInputs) return { ...search, tests: { kind: 'pilot' } };
  return withTrial(search, rungs.length === 0 ? undefined : first, options);
}

/**
 * The pilot is through: which rungs are tested, and in which order, is fixed.
 *
 * @param next - number of the first input that the tests may see; one request of `every` is kept from now on.
 * @param highest - the highest rung that may be tested.
 */
export function withTests(
  search: Search,
  {
    losses,
    next,
    every,
  }: { readonly losses: readonly PilotLoss[]; readonly next: number; readonly every: number },
  highest: number,
  options: SearchOptions,
): Search {
  const sparsities = search.rungs.map(({ sparsity }) => sparsity);
  const tests = testsOf(sparsities, losses, next, options, highest);
  const [best] = openTests(tests, options);
  return { ...search, start: best!.test.rung, tests: { kind: 'tested', tests, every } };
}

/** What a rung has lost on a kept input, 0–1. */
export function withTested(
  search: Search,
  seen: { readonly rung: number; readonly input: number; readonly loss: number },
  options: SearchOptions,
): Search {
  const { tests } = search;
  if (tests?.kind !== 'tested') return search;
  return judgedBy(search, { ...tests, tests: tested(tests.tests, seen, options) }, options);
}

/**
 * The search with tests that have seen nothing yet, as what they have seen is not what it was taken for.
 *
 * @param next, every - as in `withTests`.
 */
export function withTestsAnew(search: Search, next: number, every: number, options: SearchOptions): Search {
  const { tests } = search;
  if (tests?.kind !== 'tested') return search;
  const anew = testsAnew(tests.tests, next);
  const start = openTests(anew, options)[0]?.test.rung ?? search.start;
  // An array of its own tells results of before from those of now.
  const rungs = [...search.rungs];
  return judgedBy({ ...search, rungs, start }, { ...tests, tests: anew, every }, options);
}

function judgedBy(
  search: Search,
  judged: Extract<RungTests, { kind: 'tested' }>,
  options: SearchOptions,
): Search {
  const { tests } = judged;
  const proven = Math.max(-1, ...provenRungs(tests, options));
  const best = tests.find(({ rung }) => rung === proven);
  const refuted = Math.min(
    search.rungs.length,
    ...tests.filter(({ rung, isDropped }) => isDropped && rung > proven).map(({ rung }) => rung),
  );
  const lossAt = { proven: best === undefined ? null : meanLoss(best), refuted: null };
  return { ...search, tests: judged, proven, refuted, lossAt };
}

/** Whether kept inputs have shown all that they will: nothing is proven, and nothing may be. */
export function isExhausted({ tests, proven }: Search): boolean {
  return tests?.kind === 'tested' && proven < 0 && tests.tests.every(({ isDropped }) => isDropped);
}

/** The candidate on trial. */
export function onTrial({ rungs, trial }: Search): Candidate | null {
  return trial === null ? null : rungs[trial.rung]!;
}

/** Takes in the loss of one sampled request, 0–1, at the candidate on trial. */
export function observeTrial(
  search: Search,
  trial: Trial,
  { loss, unit }: { readonly loss: number; readonly unit?: Unit },
  options: SearchOptions,
): { search: Search; verdict: Verdict } {
  const { open, closed } = grouped(trial.open, loss, unit);
  let next = { ...trial, open };
  for (const mean of closed) {
    const seen = observeMean(search, next, mean, options);
    if (seen.verdict !== 'open') return seen;
    next = seen.search.trial!;
  }
  return { search: { ...search, trial: next }, verdict: 'open' };
}

/** Takes in the mean loss of a block, or the loss of a request that resembles no other. */
function observeMean(
  search: Search,
  trial: Trial,
  loss: number,
  options: SearchOptions,
): { search: Search; verdict: Verdict } {
  const next: Trial = {
    ...trial,
    accept: observe(trial.accept, loss),
    exposure: exposed(trial.exposure, loss),
    reject: observe(trial.reject, loss),
    loss: trial.loss + loss,
  };
  const mean = next.loss / next.accept.observations;
  const level = levelOf(search, options);
  if (isProven(next.accept, level)) {
    const { ceiling, stride } = search;
    const lossAt = { proven: mean, refuted: ceiling.loss };
    const refuted = ceiling.rung;
    const proven = { ...search, proven: trial.rung, refuted, lossAt, stride: 2 * stride, trial: null };
    return { search: proven, verdict: 'proven' };
  }
  const isRefuted = isProven(next.reject, level);
  if (isRefuted || next.accept.observations >= trial.patience) {
    const { rung } = trial;
    const isPutOff = !isRefuted && trial.patience < options.trialSamples;
    const ceiling = isPutOff ? search.ceiling : { rung, loss: mean };
    const lossAt = { ...search.lossAt, refuted: mean };
    const refuted = { ...dropped(search), refuted: rung, ceiling, lossAt };
    return { search: refuted, verdict: isRefuted ? 'refuted' : 'given-up' };
  }
  return { search: { ...search, trial: next }, verdict: 'open' };
}

/**
 * The error probability of the present trial: α/(n(n + 1)), n − 1 trials having ended without a proof.
 *
 * Only a trial at a rung whose loss is above what is allowed can err. Until one does, each of them ends without a proof, so
 * the kth is held at most at α/(k(k + 1)): that one ever errs has a probability of Σ α/(k(k + 1)) = α at most. Trials that are
 * proven rightly cost nothing.
 */
function levelOf({ unproven }: Search, { alpha }: SearchOptions): number {
  const n = unproven + 1;
  return alpha / (n * (n + 1));
}

/** The search without its trial. The trial counts as one that ended without a proof. */
export function dropped(search: Search): Search {
  return search.trial === null ? search : { ...search, trial: null, unproven: search.unproven + 1 };
}

/** The last stage of a ramp from dense that the evidence of a trial allows; −1: none yet. */
export function allowedStage(search: Search, trial: Trial, options: SearchOptions): number {
  return lastExposed(trial.exposure, levelOf(search, options));
}

/**
 * The search with its next trial: further up while nothing is refuted, in growing strides; then between what is proven and
 * what is refuted, where the loss is likely to be what can be proven; without a trial when these are neighbours.
 */
export function nextTrial(search: Search, options: SearchOptions): Search {
  const { proven, refuted, rungs, stride, start } = search;
  if (search.tests !== null) return search;
  if (refuted - proven <= 1) return { ...search, trial: null };
  if (refuted < rungs.length) return withTrial(search, between(search, options), options);
  const rung = proven < 0 ? start : Math.min(proven + stride, rungs.length - 1);
  return withTrial(search, rung, options);
}

/** What a trial aims at, as a share of the allowed loss: more takes too long to prove, less leaves sparsity unused. */
const AIM = 0.7;
/** Not less than this share of the way, and not more than the rest of it, so that the search ends. */
const LEAST_PROGRESS = 0.25;

/** Where the loss meets the aim, if its logarithm grows evenly from the proven to the refuted rung; else halfway. */
function between({ proven, refuted, lossAt }: Search, { allowedLoss }: SearchOptions): number {
  const low = Math.max(lossAt.proven ?? 0, allowedLoss / 100);
  const high = lossAt.refuted ?? 0;
  const share = high > low ? Math.log((AIM * allowedLoss) / low) / Math.log(high / low) : 0.5;
  const bounded = Math.min(Math.max(share, LEAST_PROGRESS), 1 - LEAST_PROGRESS);
  const rung = Math.round(proven + bounded * (refuted - proven));
  return Math.min(Math.max(rung, proven + 1), refuted - 1);
}

/**
 * While nothing is proven, most of production is dense: then a trial may take so many times the comparisons of a flawless one,
 * which is what a loss of half of what is allowed takes, before it is put off and a lower candidate, if any, tried.
 */
const FIRST_PATIENCE = 2.5;

function withTrial(search: Search, rung: number | undefined, options: SearchOptions): Search {
  if (rung === undefined) return search;
  const { allowedLoss, trialSamples } = options;
  const first = Math.ceil(FIRST_PATIENCE * leastSamples(search, options));
  const isFirst = search.proven < 0 && rung > 0;
  const trial: Trial = {
    rung,
    accept: noEvidence('below', allowedLoss),
    exposure: noExposure(allowedLoss),
    reject: noEvidence('above', allowedLoss),
    open: [],
    loss: 0,
    patience: isFirst ? Math.min(first, trialSamples) : trialSamples,
  };
  return { ...search, trial };
}

/** Refutes a rung whose answers disagreed in production, and all above it, whatever was proven before. */
export function refute(search: Search, rung: number, lastGood: number, options: SearchOptions): Search {
  const lowest = Math.min(search.refuted, rung);
  if (search.tests?.kind === 'tested')
    return judgedBy(
      { ...search, refuted: lowest },
      { ...search.tests, tests: withoutRungs(search.tests.tests, rung) },
      options,
    );
  return {
    ...dropped(search),
    lossAt: { proven: null, refuted: null },
    proven: lastGood,
    refuted: lowest,
    ceiling: { rung: lowest, loss: null },
    stride: 1,
  };
}

/** Fewest comparisons that can prove the present trial: as many as it takes when none of them has a loss. */
export function leastSamples(search: Search, options: SearchOptions): number {
  const level = levelOf(search, options);
  let evidence = noEvidence('below', options.allowedLoss);
  while (!isProven(evidence, level)) evidence = observe(evidence, 0);
  return evidence.observations;
}
