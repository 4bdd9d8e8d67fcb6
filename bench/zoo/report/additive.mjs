// F summed over the sites instead of F of the pooled activations: as the free energies of systems that do not interact add.
//
// F(τ) = Σᵢ (Nᵢ/N)·[ln(Σᵢ/Σᵢ₀) − (sᵢ/τ)·ln(Mᵢ/Nᵢ)], sᵢ = Σᵢ₀/Nᵢ. Pooling first lets the sites with the largest magnitudes decide.
import { continuousShare } from '../../../dist/criticality/atoms.js';
import { DEFAULT_CRITICAL_POINT, significant } from '../../../dist/criticality/critical-point.js';
import { logGrid } from '../../../dist/criticality/free-energy.js';
import { edgeOf } from '../../../dist/estimator/bins.js';
import { mergeAll, retainedFrom, tails } from '../../../dist/estimator/histogram.js';

const GRID = { perOctave: 8, sparsity: [0.02, 0.95] };

/** A site that has nothing left counts as half an activation at τ, so that the sum stays finite. */
const LEAST = 0.5;

/** The earliest significant feature of the sum, on the thresholds and by the tests of the default rule. */
export function additiveCriticality(slices) {
  const exact = tails(mergeAll(slices.flat()));
  const bins = logGrid(exact, GRID);
  if (bins.length < 3) return null;
  const sites = slices[0].map((_, site) =>
    siteCounts(
      slices.map((slice) => slice[site]),
      bins,
    ),
  );
  const thresholds = Float64Array.from(bins, edgeOf);
  const sparsity = Float64Array.from(bins, (bin) => 1 - retainedFrom(exact, bin).count / exact.count[0]);
  const curve = (left) => sumOverSites(sites, thresholds, left);
  const smooth = curve(-1);
  const replicas = { curves: slices.map((_, left) => curve(left)) };
  const features = significant({ thresholds, sparsity }, smooth, replicas, DEFAULT_CRITICAL_POINT);
  const [first] = features;
  return {
    features,
    critical: first === undefined ? null : { ...first, feature: first.kind },
  };
}

/** M and Σ of one site's continuous part at every threshold, and N and Σ₀ as the last entry, per slice and in all. */
function siteCounts(slices, bins) {
  const all = mergeAll(slices);
  const share = continuousShare(all);
  const parts = slices.map((slice) => {
    const t = tails(slice, share.subarray(slice.offset - all.offset));
    return [...Array.from(bins, (bin) => retainedFrom(t, bin)), { count: t.count[0], sum: t.sum[0] }];
  });
  const total = parts[0].map((_, k) => ({
    count: parts.reduce((n, part) => n + part[k].count, 0),
    sum: parts.reduce((n, part) => n + part[k].sum, 0),
  }));
  return { parts, total };
}

function sumOverSites(sites, thresholds, left) {
  const f = new Float64Array(thresholds.length);
  const without = ({ parts, total }, k) => ({
    count: total[k].count - (left < 0 ? 0 : parts[left][k].count),
    sum: total[k].sum - (left < 0 ? 0 : parts[left][k].sum),
  });
  const dense = sites.map((site) => without(site, thresholds.length));
  const all = dense.reduce((n, { count }) => n + count, 0);
  for (const [i, site] of sites.entries()) {
    const { count: n, sum: s } = dense[i];
    if (n === 0) continue;
    for (const [k, threshold] of thresholds.entries()) {
      const { count, sum } = without(site, k);
      const energy = Math.log(Math.max(sum, LEAST * threshold) / s);
      const entropy = Math.log(Math.max(count, LEAST) / n);
      f[k] += (n / all) * (energy - (s / n / threshold) * entropy);
    }
  }
  return f;
}
