import {
  emptyCurve,
  type FreeEnergyCurve,
  freeEnergy,
  internalEnergy,
  type Temperature,
  temperatureScale,
} from './free-energy.ts';

/** Number M and sum Σ of |a| ≥ τ at one threshold, over all sites. */
export interface RetainedTotal {
  readonly count: number;
  readonly sum: number;
}

/**
 * Free energy along any thresholds from counts that were taken at exactly these: of the unpruned network
 * (renormalized), or of the network pruned at each of them (full evaluation).
 *
 * Pruning early layers can raise later activations, so β of a pruned network can fall below 0 at small τ.
 *
 * @param thresholds - positive; M and Σ at each in `retained`.
 * @param dense - N and Σ₀: the nonzero activations of the unpruned network.
 * @throws RangeError if the lengths differ or no activation is nonzero.
 * Source: Mehmood et al. 2026, section 3, eq. 3.1–3.6 and 4–6.
 */
export function freeEnergyFrom(
  thresholds: readonly number[],
  retained: readonly RetainedTotal[],
  dense: RetainedTotal,
  temperature: Temperature,
): FreeEnergyCurve {
  if (thresholds.length !== retained.length)
    throw new RangeError(`free energy: ${thresholds.length} thresholds, ${retained.length} counts`);
  const curve = emptyCurve(thresholds.length, temperatureScale(temperature, dense.count, dense.sum));
  for (const [k, threshold] of thresholds.entries()) {
    const { count, sum } = retained[k]!;
    const r = { count, sum, totalCount: dense.count, totalSum: dense.sum };
    curve.thresholds[k] = threshold;
    curve.freeEnergy[k] = freeEnergy(r, threshold, curve.scale);
    curve.internalEnergy[k] = internalEnergy(r);
    curve.sparsity[k] = 1 - count / dense.count;
  }
  return curve;
}
