import { grouped, leastMeans, type OpenBlock, type Unit } from './blocks.ts';
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
  /** Losses of the latest answers of production that were compared, oldest first; absent where none resembles another. */
  readonly served?: readonly number[];
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
/**
 * Where requests resemble each other, a block says as little as one request, and blocks that lose everything take thousands of
 * requests to tell. That so many answers of production in a row have lost half of all they could is no matter of evidence: one hard
 * scene or many, clients get wrong answers now, and dense ones are safe meanwhile. 32 are too many for chance where answers are
 * mostly right, and 16 lost ones are compared at once, since every answer is after the first. Half: a model that is only worse than
 * allowed is left to the evidence.
 */
const SERVED = 32;
const LOST = 0.5;
/** Where much loss is allowed, so many times that, too. */
const LOST_TIMES = 2;
/** Above this wealth, answers have disagreed a moment ago, and every answer is worth comparing. */
const SUSPICIOUS = 2;

export function freshWatch({ allowedLoss }: WatchOptions): Watch {
  const none = noEvidence('above', allowedLoss);
  return { alarm: none, open: [], suspicion: none, recentLoss: 0 };
}

/**
 * Takes in the loss of one sampled request, 0–1.
 *
 * @param unit - what it resembles; undefined: nothing.
 * @param isDue - production answers such a request as it was compared.
 */
export function watched(watch: Watch, loss: number, unit?: Unit, isDue = true): Watch {
  const { open, closed } = grouped(watch.open, loss, unit, isDue);
  const { served = [] } = watch;
  return {
    alarm: closed.reduce(observeAfresh, watch.alarm),
    open,
    suspicion: observeAfresh(watch.suspicion, loss),
    recentLoss: watch.recentLoss + (loss - watch.recentLoss) / RECENT,
    ...(unit && { served: isDue ? [...served.slice(1 - SERVED), loss] : served }),
  };
}

/** As soon as there would be an alarm at the end of a block, whatever the rest of it loses; or half of what is answered is lost. */
export function isAlarmed(watch: Watch, options: WatchOptions): boolean {
  return isMostlyLost(watch, options) || alarmWealth(watch) >= options.alarmRunLength;
}

/** Whether the latest answers of production are lost so far that no evidence is waited for: mean loss, those to come losing nothing. */
export function isMostlyLost(
  { served = [] }: Watch,
  { allowedLoss }: Pick<WatchOptions, 'allowedLoss'>,
): boolean {
  const lost = served.reduce((sum, loss) => sum + loss, 0) / SERVED;
  return lost >= Math.max(LOST, LOST_TIMES * allowedLoss);
}

/** What the alarm's evidence is worth, and will be at least once the open blocks are complete. */
export function alarmWealth({ alarm, open }: Pick<Watch, 'alarm' | 'open'>): number {
  return wealth(leastMeans(open).reduce(observeAfresh, alarm));
}

export function isCollapse(watch: Watch, options: WatchOptions): boolean {
  return watch.recentLoss >= COLLAPSE * options.allowedLoss || isMostlyLost(watch, options);
}

export function isSuspicious({ suspicion }: Watch): boolean {
  return wealth(suspicion) > SUSPICIOUS;
}
