import type { Tensor } from '../../protocol/types.ts';
import { areSameAnswers } from './batch.ts';

/** Shared runs whose answers must equal the solo ones before a client gets an answer from a shared run. */
const TRIAL_BATCHES = 8;

/** After the trial, one shared run in this many is compared with a solo one, which costs 2 runs more. */
export const CHECK_EVERY = 64;

/** Whether shared runs are known to give the answers of solo runs. */
export type Trial =
  | { readonly kind: 'trial'; readonly left: number }
  | { readonly kind: 'proven' }
  | { readonly kind: 'refuted'; readonly reason: string };

export const UNTRIED: Trial = Object.freeze({ kind: 'trial', left: TRIAL_BATCHES });

export function refuted(reason: string): Trial {
  return { kind: 'refuted', reason };
}

/**
 * The trial after one more batch was run both ways. Later batches are checked too, since what a graph does to rows can
 * depend on their values. A single difference ends all sharing.
 *
 * @param shared - answers of the requests from the shared run; undefined if its outputs could not be split.
 * @param solo - answers of the same requests from solo runs; undefined for a run that failed.
 */
export function trialAfter(
  trial: Trial,
  shared: readonly (readonly Tensor[])[] | undefined,
  solo: readonly (readonly Tensor[] | undefined)[],
): Trial {
  if (trial.kind === 'refuted') return trial;
  if (shared === undefined) return refuted('the outputs do not have one row per row of the inputs');
  const isSame = solo.every((own, i) => own === undefined || areSameAnswers(own, shared[i]!));
  if (!isSame) return refuted('a row of a batch is answered otherwise than alone');
  if (trial.kind === 'proven') return trial;
  return trial.left > 1 ? { kind: 'trial', left: trial.left - 1 } : { kind: 'proven' };
}
