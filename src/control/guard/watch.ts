import { grouped, leastMean, type OpenBlock, type Unit } from './blocks.ts';
import { type Evidence, noEvidence, observeAfresh, wealth } from './evidence.ts';

/** The evidence against a threshold in production. */
export interface Watch {
  /** Evidence that the mean loss is above the allowed one, of the blocks that are complete. */
  readonly alarm: Evidence;
  /** Blocks that are not. */
  readonly open: readonly OpenBlock[];
  /** The same evidence if no comparison resembled another: it raises no alarm, and is there at once. */
  readonly suspicion: Evidence;
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
/** Above this wealth, answers have disagreed a moment ago, and every answer is worth comparing. */
const SUSPICIOUS = 2;

export function freshWatch({ allowedLoss }: WatchOptions): Watch {
  const none = noEvidence('above', allowedLoss);
  return { alarm: none, open: [], suspicion: none, recentLoss: 0 };
}

/** Takes in the loss of one sampled request, 0–1. @param unit - what it resembles; undefined: nothing. */
export function watched(watch: Watch, loss: number, unit?: Unit): Watch {
  const { open, closed } = grouped(watch.open, loss, unit);
  return {
    alarm: closed.reduce(observeAfresh, watch.alarm),
    open,
    suspicion: observeAfresh(watch.suspicion, loss),
    recentLoss: watch.recentLoss + (loss - watch.recentLoss) / RECENT,
  };
}

/** As soon as there would be an alarm at the end of a block, whatever the rest of it loses. */
export function isAlarmed(watch: Watch, { alarmRunLength }: WatchOptions): boolean {
  return alarmWealth(watch) >= alarmRunLength;
}

/** What the alarm's evidence is worth, and will be at least once the open blocks are complete. */
export function alarmWealth({ alarm, open }: Pick<Watch, 'alarm' | 'open'>): number {
  return wealth(open.map(leastMean).reduce(observeAfresh, alarm));
}

export function isCollapse({ recentLoss }: Watch, { allowedLoss }: WatchOptions): boolean {
  return recentLoss >= COLLAPSE * allowedLoss;
}

export function isSuspicious({ suspicion }: Watch): boolean {
  return wealth(suspicion) > SUSPICIOUS;
}
