import type { Tensor } from '../../protocol/types.ts';
import { areSameAnswers } from './batch.ts';

/** Shared runs whose answers must equal the solo ones before any client gets a shared one. */
const TRIAL_BATCHES = 8;

/** Of so many shared runs, one is compared with a solo one for ever: that is 2 runs more in 64. */
export const CHECK_EVERY = 64;

export type Trust =
  | { readonly kind: 'trial'; readonly left: number }
  | { readonly kind: 'proven' }
  | { readonly kind: 'refuted'; readonly reason: string };

export const UNTRIED: Trust = Object.freeze({ kind: 'trial', left: TRIAL_BATCHES });

export function refuted(reason: string): Trust {
  return { kind: 'refuted', reason };
}

/**
 * What one batch that was run both ways says, in the trial or later: what a graph does to rows can depend on their values.
 * One difference ends all sharing.
 *
 * @param shared - answers of the riders out of one run; undefined when it could not be split.
 * @param solo - answers of the same riders, each out of a run of its own; undefined for one that failed.
 */
export function afterTrial(
  trust: Trust,
  shared: readonly (readonly Tensor[])[] | undefined,
  solo: readonly (readonly Tensor[] | undefined)[],
): Trust {
  if (trust.kind === 'refuted') return trust;
  if (shared === undefined) return refuted('the outputs do not have one row per row of the inputs');
  const isSame = solo.every((own, i) => own === undefined || areSameAnswers(own, shared[i]!));
  if (!isSame) return refuted('a row of a batch is answered otherwise than alone');
  if (trust.kind === 'proven') return trust;
  return trust.left > 1 ? { kind: 'trial', left: trust.left - 1 } : { kind: 'proven' };
}
