import { freeEnergy, type Temperature, temperatureScale } from './free-energy.ts';
import type { Replicas } from './noise.ts';
import { type Counts, type SlicedCounts, sumOf, takeOut } from './site-counts.ts';

/**
 * The additive free energy: every site a system of its own, and their free energies summed.
 *
 * F(τ) = Σᵢ (Nᵢ/N) · [ln(Σᵢ/Σᵢ₀) − (sᵢ/τ)·ln(Mᵢ/Nᵢ)]
 *
 * One F of all activations pooled hides what τ does to the sites with small magnitudes: they vanish while the sum Σ, which
 * the large ones make, hardly moves. Free energies of systems that do not interact add, so here each site is measured
 * against its own Nᵢ and Σᵢ₀, and counts as much as it has activations. With one site the two are the same.
 */

/** A site with a smaller share of its activations left is exhausted: what it says about τ has been said. */
const EXHAUSTED = 0.02;
/** The sum ends where sites with more than this share of all activations are exhausted. */
const MOST_EXHAUSTED = 0.05;

/**
 * F at every threshold, dimensionless; 0 everywhere when there is no activation. The term of an exhausted site stays as it
 * was. O(sites · thresholds).
 *
 * @param sites - N may be 0 at some.
 * @param thresholds - positive, increasing.
 */
export function additiveFreeEnergy(
  sites: readonly Counts[],
  thresholds: Float64Array,
  temperature: Temperature,
): Float64Array {
  const f = new Float64Array(thresholds.length);
  const all = sites.reduce((n, site) => n + site.totalCount, 0);
  for (const site of sites) if (site.totalCount > 0) addSite(f, site, all, thresholds, temperature);
  return f;
}

function addSite(
  f: Float64Array,
  { count, sum, totalCount, totalSum }: Counts,
  all: number,
  thresholds: Float64Array,
  temperature: Temperature,
): void {
  const scale = temperatureScale(temperature, totalCount, totalSum);
  const weight = totalCount / all;
  const least = EXHAUSTED * totalCount;
  let term = 0;
  let k = 0;
  for (; k < thresholds.length && count[k]! >= least; k++) {
    const retained = { count: count[k]!, sum: sum[k]!, totalCount, totalSum };
    term = freeEnergy(retained, thresholds[k]!, scale);
    f[k]! += weight * term;
  }
  for (; k < thresholds.length; k++) f[k]! += weight * term;
}

/** The same without each of the slices in turn: see noise.ts. O(slices · sites · thresholds). */
export function leaveOneOut(
  sites: readonly SlicedCounts[],
  thresholds: Float64Array,
  temperature: Temperature,
): Replicas {
  const totals = sites.map(sumOf);
  const slices = sites[0]?.length ?? 0;
  const buffers = totals.map((total) => ({ ...total, count: total.count.slice(), sum: total.sum.slice() }));
  const curves = Array.from({ length: slices }, (_, left) => {
    const rest = totals.map((total, site) => takeOut(total, sites[site]![left]!, buffers[site]!));
    return additiveFreeEnergy(rest, thresholds, temperature);
  });
  return { curves };
}

/**
 * The part [from, to) of the grid on which the sum can be read: its sites together have at least the least sparsity and at
 * most the largest, and few of them are exhausted. Atoms can lie anywhere: before the first of the continuous part is nothing
 * but noise, past its last nothing at all.
 */
export function domainOf(
  sites: readonly Counts[],
  length: number,
  [least, most]: readonly [number, number],
): readonly [number, number] {
  const all = sites.reduce((n, site) => n + site.totalCount, 0);
  const sparsityAt = (k: number) => {
    let retained = 0;
    for (const { count } of sites) retained += count[k]!;
    return 1 - retained / all;
  };
  const exhaustedAt = (k: number) => {
    let exhausted = 0;
    for (const { count, totalCount } of sites)
      if (count[k]! < EXHAUSTED * totalCount) exhausted += totalCount;
    return exhausted;
  };
  let from = 0;
  while (from < length && !(sparsityAt(from) >= least)) from++;
  let to = from;
  while (to < length && sparsityAt(to) <= most && exhaustedAt(to) <= MOST_EXHAUSTED * all) to++;
  return [from, to];
}
