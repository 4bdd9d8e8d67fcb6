import { type Evidence, noEvidence, observeAfresh, wealth } from './evidence.ts';

/** What is known against a threshold in production. */
export interface Watch {
  /** For a loss above what is allowed. */
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

/** Comparisons that the recent loss remembers, about. */
const RECENT = 16;
/** A recent loss so many times what is allowed is none that a step back would mend. */
const COLLAPSE = 4;
/** Wealth of the alarm above which something looks odd: it disagreed a moment ago. */
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
