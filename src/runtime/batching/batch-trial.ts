import type { Tensor } from '../../protocol/types.ts';
import { areSameAnswers } from './batch.ts';

/** Shared runs whose answers must equal the solo ones before any client gets a shared one. */
const TRIAL_BATCHES = 8;

export type Trust =
  | { readonly kind: 'trial'; readonly left: number }
  | { readonly kind: 'proven' }
  | { readonly kind: 'refuted'; readonly reason: string };

export const UNTRIED: Trust = Object.freeze({ kind: 'trial', left: TRIAL_BATCHES });

export function refuted(reason: string): Trust {
  return { kind: 'refuted', reason };
}

/**
 * What one batch of the trial says: a signature cannot tell whether the rows of a batch change one another's answers.
 *
 * @param shared - answers of the riders out of one run; undefined when it could not be split.
 * @param solo - answers of the same riders, each out of a run of its own; undefined for one that failed.
 */
export function afterTrial(
  trust: Trust,
  shared: readonly (readonly Tensor[])[] | undefined,
  solo: readonly (readonly Tensor[] | undefined)[],
): Trust {
  if (trust.kind !== 'trial') return trust;
  if (shared === undefined) return refuted('the outputs do not have one row per row of the inputs');
  const isSame = solo.every((own, i) => own === undefined || areSameAnswers(own, shared[i]!));
  if (!isSame) return refuted('a row of a batch is answered otherwise than alone');
  return trust.left > 1 ? { kind: 'trial', left: trust.left - 1 } : { kind: 'proven' };
}
