// Histograms of many inputs in few arrays: only the bins that hold something.
import { BINS_PER_OCTAVE, edgeOf, ulpOf } from '../../../dist/estimator/bins.js';
import { emptyHistogram } from '../../../dist/estimator/histogram.js';
import { present } from '../../present.mjs';

/** @typedef {import('../../../dist/estimator/histogram.js').ActivationHistogram} ActivationHistogram */

/**
 * @param {readonly (readonly ActivationHistogram[])[]} inputs - per input, one histogram per site.
 */
export function packed(inputs) {
  const all = inputs.flat();
  const sizes = all.map((h) => h.counts.reduce((n, count) => n + (count === 0 ? 0 : 1), 0));
  const total = sizes.reduce((a, b) => a + b, 0);
  const columns = {
    starts: new Uint32Array(all.length + 1),
    bins: new Uint16Array(total),
    counts: new Uint32Array(total),
    residuals: new Float64Array(total),
    zeros: Float64Array.from(all, (h) => h.zeros),
    nonFinite: Float64Array.from(all, (h) => h.nonFinite),
  };
  let at = 0;
  for (const [i, h] of all.entries()) {
    for (const [k, count] of h.counts.entries()) {
      if (count === 0) continue;
      columns.bins[at] = h.offset + k;
      columns.counts[at] = count;
      columns.residuals[at++] = present(h.residuals[k]);
    }
    columns.starts[i + 1] = at;
  }
  return columns;
}

/**
 * One histogram again, as it was.
 *
 * @param {ReturnType<typeof packed>} columns
 * @param {number} index - input · sites + site.
 * @returns {ActivationHistogram}
 */
export function unpacked({ starts, bins, counts, residuals, zeros, nonFinite }, index) {
  const h = { ...emptyHistogram(), zeros: present(zeros[index]), nonFinite: present(nonFinite[index]) };
  const from = present(starts[index]);
  const to = present(starts[index + 1]);
  if (from === to) return h;
  h.offset = present(bins[from]) & -BINS_PER_OCTAVE;
  const length = (present(bins[to - 1]) & -BINS_PER_OCTAVE) + BINS_PER_OCTAVE - h.offset;
  h.counts = new Float64Array(length);
  h.residuals = new Float64Array(length);
  for (let k = from; k < to; k++) {
    const bin = present(bins[k]) - h.offset;
    h.counts[bin] = present(counts[k]);
    h.residuals[bin] = present(residuals[k]);
  }
  return h;
}

/** N and Σ₀ of every histogram. @param {ReturnType<typeof packed>} columns */
export function packedTotals({ starts, bins, counts, residuals }) {
  const count = new Float64Array(starts.length - 1);
  const sum = new Float64Array(starts.length - 1);
  for (let i = 0; i < count.length; i++) {
    let [m, s] = [0, 0];
    for (let k = present(starts[i]); k < present(starts[i + 1]); k++) {
      const [bin, n] = [present(bins[k]), present(counts[k])];
      m += n;
      s += n * edgeOf(bin) + present(residuals[k]) * ulpOf(bin);
    }
    count[i] = m;
    sum[i] = s;
  }
  return { count, sum };
}
