import type { Config } from '../../config/schema.ts';
import type { ControlOptions } from './state.ts';

/** Where so few are sampled, requests without a comparison are no silence yet: 20 are expected in what is one. */
const EXPECTED = 20;

/** Who samples nothing has chosen not to know. */
function unverifiedRequestsOf({ ratio, budget, unverifiedRequests }: Config['sampling']): number {
  if (ratio === 0 || budget === 0) return Number.MAX_SAFE_INTEGER;
  return Math.max(unverifiedRequests, Math.ceil(EXPECTED / ratio));
}

/** What the controller is to hold, from the configuration. */
export function controlOptionsOf({
  window,
  sampling,
  agreement,
  control,
}: Pick<Config, 'window' | 'sampling' | 'agreement' | 'control'>): ControlOptions {
  return {
    policy: control.policy,
    allowedLoss: 1 - agreement.floor,
    alpha: agreement.alpha,
    trialSamples: agreement.trialSamples,
    alarmRunLength: agreement.alarmRunLength,
    rampSamples: control.rampSamples,
    keepsInputs: sampling.keepInputsBytes > 0,
    cooldownSamples: agreement.cooldownSamples,
    unverifiedRequests: unverifiedRequestsOf(sampling),
    unverifiedMs: 1000 * sampling.unverifiedSeconds,
    // The newest slice may have just begun when the window is as full as it gets.
    warmSamples: Math.min(window.minSamples, (window.slices - 1) * window.sliceSamples),
  };
}
