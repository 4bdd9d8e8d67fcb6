import { type Evidence, isProven, noEvidence, observe } from './evidence.ts';
import type { Candidate, Ladder } from './ladder.ts';

/** A candidate that is tried on shadow traffic. */
export interface Trial {
  readonly rung: number;
  /** For a loss below what is allowed: its proof lets the candidate be applied. */
  readonly accept: Evidence;
  /** For a loss above it: its proof refutes the candidate. */
  readonly reject: Evidence;
  /** Sum of the losses so far. */
  readonly loss: number;
}

/**
 * What is known about the rungs of a ladder. Loss grows with τ, so a proven rung speaks for all below it and a refuted one
 * for all above it.
 */
export interface Search extends Ladder {
  /** The highest rung that was proven; −1: none. */
  readonly proven: number;
  /** The lowest rung that was refuted or given up; the number of rungs: none. */
  readonly refuted: number;
  /** Rungs to go up after the next proof while nothing is refuted. */
  readonly stride: number;
  /** Trials so far: each gets a smaller share of the error probability. */
  readonly trials: number;
  readonly trial: Trial | null;
  /** Mean loss at the highest proven rung and at the lowest refuted one, as their trials saw it; null before there is one. */
  readonly lossAt: { readonly proven: number | null; readonly refuted: number | null };
}

export interface SearchOptions {
  /** Mean loss that is allowed: 1 − the agreement objective. */
  readonly allowedLoss: number;
  /** Probability that any candidate of one search is accepted although its loss is above what is allowed. */
  readonly alpha: number;
  /** Sampled requests after which a trial that has proven nothing is given up. */
  readonly trialSamples: number;
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
    stride: 1,
    trials: 0,
    trial: null,
    lossAt: { proven: null, refuted: null },
  };
  return withTrial(search, rungs.length === 0 ? undefined : first, options);
}

/** The candidate on trial. */
export function onTrial({ rungs, trial }: Search): Candidate | null {
  return trial === null ? null : rungs[trial.rung]!;
}

/** Takes in the loss of one sampled request, 0–1, at the candidate on trial. */
export function observeTrial(
  search: Search,
  trial: Trial,
  loss: number,
  options: SearchOptions,
): { search: Search; verdict: Verdict } {
  const next: Trial = {
    rung: trial.rung,
    accept: observe(trial.accept, loss),
    reject: observe(trial.reject, loss),
    loss: trial.loss + loss,
  };
  const mean = next.loss / next.accept.observations;
  const alpha = alphaOf(search.trials, options.alpha);
  if (isProven(next.accept, alpha)) {
    const lossAt = { ...search.lossAt, proven: mean };
    const proven = { ...search, proven: trial.rung, stride: 2 * search.stride, trial: null, lossAt };
    return { search: proven, verdict: 'proven' };
  }
  const isRefuted = isProven(next.reject, alpha);
  if (isRefuted || next.accept.observations >= options.trialSamples) {
    const lossAt = { ...search.lossAt, refuted: mean };
    const refuted = { ...search, refuted: trial.rung, trial: null, lossAt };
    return { search: refuted, verdict: isRefuted ? 'refuted' : 'given-up' };
  }
  return { search: { ...search, trial: next }, verdict: 'open' };
}

/** The nth trial of a search may err with α/(n(n + 1)): over all trials that is α. */
function alphaOf(n: number, alpha: number): number {
  return alpha / (n * (n + 1));
}

/**
 * The search with its next trial: further up while nothing is refuted, in growing strides; then between what is proven and
 * what is refuted, where the loss is likely to be what can be proven; without a trial when these are neighbours.
 */
export function nextTrial(search: Search, options: SearchOptions): Search {
  const { proven, refuted, rungs, stride, start } = search;
  if (refuted - proven <= 1) return { ...search, trial: null };
  if (refuted < rungs.length) return withTrial(search, between(search, options), options);
  const rung = proven < 0 ? start : Math.min(proven + stride, rungs.length - 1);
  return withTrial(search, rung, options);
}

/** What a trial aims at, as a share of the allowed loss: more takes too long to prove, less leaves sparsity unused. */
const AIM = 0.6;
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

function withTrial(search: Search, rung: number | undefined, { allowedLoss }: SearchOptions): Search {
  if (rung === undefined) return search;
  const trial = {
    rung,
    accept: noEvidence('below', allowedLoss),
    reject: noEvidence('above', allowedLoss),
    loss: 0,
  };
  return { ...search, trial, trials: search.trials + 1 };
}

/** A rung whose answers disagreed in production: it and all above are refuted, whatever was proven before. */
export function refute(search: Search, rung: number, lastGood: number): Search {
  return {
    ...search,
    lossAt: { proven: null, refuted: null },
    proven: lastGood,
    refuted: Math.min(search.refuted, rung),
    stride: 1,
    trial: null,
  };
}

/** Fewest sampled requests that can prove the present trial: none of them with a loss. */
export function leastSamples({ trials }: Search, { allowedLoss, alpha }: SearchOptions): number {
  const level = alphaOf(Math.max(trials, 1), alpha);
  let evidence = noEvidence('below', allowedLoss);
  while (!isProven(evidence, level)) evidence = observe(evidence, 0);
  return evidence.observations;
}
