import type { Config } from '../config.ts';
import { type Criticality, criticality } from '../criticality/critical-point.ts';
import { paperCriticality } from '../criticality/paper-rule.ts';
import type { ActivationHistogram } from '../estimator/histogram.ts';

/** The critical point of a window by the configured rule; null when the window holds too little to say anything. */
export function estimate(
  slices: readonly ActivationHistogram[],
  options: Config['criticality'],
): Criticality | null {
  return options.rule === 'paper'
    ? paperCriticality(slices, options.temperature)
    : criticality(slices, options);
}
