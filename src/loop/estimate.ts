import type { Config } from '../config/schema.ts';
import { type Criticality, criticality } from '../criticality/critical-point.ts';
import { paperCriticality } from '../criticality/paper-rule.ts';
import type { SiteHistograms } from '../estimator/histogram.ts';
import { mergeAll } from '../estimator/histogram.ts';

/**
 * The critical point of a window by the configured rule; null when the window holds too little to say anything.
 *
 * @param window - the slices merged, per site.
 * @param poles - of the sites' activation functions; the plain rule of the paper knows none.
 */
export function estimate(
  slices: readonly SiteHistograms[],
  options: Config['criticality'],
  window: SiteHistograms,
  poles: readonly (number | null)[] | undefined,
): Criticality | null {
  return options.rule === 'paper'
    ? paperCriticality(slices.map(mergeAll), options.temperature)
    : criticality(slices, options, { window, poles });
}
