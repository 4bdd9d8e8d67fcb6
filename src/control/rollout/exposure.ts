import { type Evidence, isProven, noEvidence, observe } from '../guard/evidence.ts';
import { RAMP_SHARES } from './ramp.ts';

/**
 * What a candidate has shown for each stage of a ramp from dense that is less than all of production; null: a stage that
 * needs no proof.
 *
 * Where the rest of production is dense, a share s at a threshold whose mean loss is d costs the whole traffic s·d. So the
 * share may be s as soon as "d is below min(1, m/s)" is proven, m being the mean loss that is allowed.
 *
 * This spends no more error probability than the proof of "d is below m" alone. A bet of the same share b multiplies its
 * wealth by 1 + b(μ − x)/(1 − μ) after a loss x ≤ 1, which grows with the mean μ that it is about: on every path the wealth
 * for a larger mean is at least that for a smaller one. The events "proven below μ" are nested, and a candidate of loss d
 * errs in any of its stages only if it errs in that of the largest mean below d.
 */
export type Exposure = readonly (Evidence | null)[];

/** Mean loss, at most 1, that a share of production may have where the rest of it is dense. */
export function exposedLoss(share: number, allowedLoss: number): number {
  return Math.min(1, allowedLoss / share);
}

export function noExposure(allowedLoss: number): Exposure {
  return RAMP_SHARES.slice(0, -1).map((share) => {
    const mean = exposedLoss(share, allowedLoss);
    return mean < 1 ? noEvidence('below', mean) : null;
  });
}

/** Takes in the loss of one sampled request, 0–1. */
export function exposed(exposure: Exposure, loss: number): Exposure {
  return exposure.map((evidence) => evidence && observe(evidence, loss));
}

/** The last stage that the evidence allows, none before it without; −1: none yet. */
export function lastExposed(exposure: Exposure, alpha: number): number {
  const first = exposure.findIndex((evidence) => evidence !== null && !isProven(evidence, alpha));
  return (first < 0 ? exposure.length : first) - 1;
}
