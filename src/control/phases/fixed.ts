import { isFirstOf, type Unit } from '../guard/blocks.ts';
import {
  freshWatch,
  isAlarmed,
  isSuspicious,
  type Watch,
  type WatchOptions,
  watched,
} from '../guard/watch.ts';

/**
 * An operator's threshold. Production is at it at once and stays there, neither ramped nor climbed from; the guard holds it to
 * the same promise as any other, and what is in doubt is dense.
 */
export interface Fixed {
  readonly threshold: number;
  readonly watch: Watch;
  /** Comparisons since it was set, came back, or was in doubt. */
  readonly compared: number;
  /** Why production is dense all the same: until the operator decides, or until enough answers were compared again. */
  readonly doubt: 'disagreement' | 'failure' | 'unverified' | null;
}

interface FixedOptions extends WatchOptions {
  /** Comparisons in the shadow that bring a threshold back. */
  readonly rampSamples: number;
}

export function fixedAt(threshold: number, options: WatchOptions): Fixed {
  return { threshold, watch: freshWatch(options), compared: 0, doubt: null };
}

/** Whether comparisons can bring the threshold back. */
export function isWithheldFixed({ doubt }: Fixed): boolean {
  return doubt === 'failure' || doubt === 'unverified';
}

/** Takes in a comparison at the threshold. */
export function comparedFixed(
  fixed: Fixed,
  { loss, unit, isDue }: { readonly loss: number; readonly unit?: Unit; readonly isDue: boolean },
  options: FixedOptions,
): Fixed {
  if (fixed.doubt === 'disagreement') return fixed;
  const watch = watched(fixed.watch, loss, unit, isDue);
  if (isAlarmed(watch, options)) return { ...fixed, watch, doubt: 'disagreement' };
  const compared = fixed.compared + (isFirstOf(fixed.watch.open, unit) ? 1 : 0);
  const isBack = isWithheldFixed(fixed) && compared >= options.rampSamples;
  return isBack ? { ...fixed, watch, compared: 0, doubt: null } : { ...fixed, watch, compared };
}

/** Nothing can be said of the answers any more; what disagreed stays revoked. */
export function doubtedFixed(fixed: Fixed, doubt: 'failure' | 'unverified'): Fixed {
  if (fixed.doubt === 'disagreement') return fixed;
  if (fixed.doubt !== null && fixed.compared === 0) return fixed;
  return { ...fixed, compared: 0, doubt: fixed.doubt ?? doubt };
}

/** The traffic has become another: what was compared before does not bring a threshold back. */
export function fixedOnOtherTraffic(fixed: Fixed): Fixed {
  return isWithheldFixed(fixed) ? { ...fixed, compared: 0 } : fixed;
}

/** Whether every answer that can be compared should be: some have just disagreed. */
export function isUrgentFixed({ threshold, doubt, watch }: Fixed): boolean {
  return threshold > 0 && doubt === null && isSuspicious(watch);
}
