import { type Evidence, noEvidence, observeAfresh, wealth } from './evidence.ts';

/** The evidence against a threshold in production. */
export interface Watch {
  /** Evidence that the mean loss is above the allowed one. */
  readonly alarm: Evidence;
  /** Mean loss of the latest comparisons, newest first in weight. */
  readonly recentLoss: number;
}

/** What the objective allows, and how often the guard may be wrong. */
export interface WatchOptions {
  /** Mean loss that is allowed: 1 − the agreement objective. */
  readonly allowedLoss: number;
  /** Sampled requests between two false alarms of the guard, on average at least. */
  readonly alarmRunLength: number;
}

/** The recent loss is a moving average over about so many comparisons. */
const RECENT = 16;
/** A recent loss of this many times the allowed one is a collapse: a lower threshold would not mend it. */
const COLLAPSE = 4;
/** Above this wealth of the alarm, answers have disagreed a moment ago, and every answer is worth comparing. */
const SUSPICIOUS = 2;

export function freshWatch({ allowedLoss }: WatchOptions): Watch {
  return { alarm: noEvidence('above', allowedLoss), recentLoss: 0 };
}

/** Takes in the loss of one sampled request, 0–1. */
export function watched({ alarm, recentLoss }: Watch, loss: number): Watch {
  return { alarm: observeAfresh(alarm, loss), recentLoss: recentLoss + (loss - recentLoss) / RECENT };
}

export function isAlarmed({ alarm }: Watch, { alarmRunLength }: WatchOptions): boolean {
  return wealth(alarm) >= alarmRunLength;
}

export function isCollapse({ recentLoss }: Watch, { allowedLoss }: WatchOptions): boolean {
  return recentLoss >= COLLAPSE * allowedLoss;
}

export function isSuspicious({ alarm }: Watch): boolean {
  return wealth(alarm) > SUSPICIOUS;
}
