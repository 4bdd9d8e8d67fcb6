// The same activations in other units: every value times c before it is binned.

import { criticality, DEFAULT_CRITICAL_POINT } from '../../../dist/criticality/critical-point.js';
import { binned } from '../../../dist/estimator/binning.js';
import { emptyHistogram, merge } from '../../../dist/estimator/histogram.js';
import { pass } from '../../../dist/tools/analyze/passes.js';
import { SLICES } from '../../../dist/tools/analyze/schedule.js';
import { present } from '../../present.mjs';

const ROWS = 500;
/** Powers of two move histograms by whole octaves; the others move every activation into another bin. */
const FACTORS = [1, 0.25, 0.3, 0.5, 0.7, 1.3, 1.7, 2, 3, 5, 8];

/** β* of the default rule for every factor, the unscaled first; null without a feature. @param {import('./opened.mjs').Opened} opened */
export async function scaleShifts({ passes, sites }) {
  const slices = FACTORS.map(() => Array.from({ length: SLICES }, () => sites.map(emptyHistogram)));
  const taps = sites.map(({ tap }) => tap);
  await pass(passes(0, ROWS, { outputs: taps }), 0, 'nothing', ({ outputs }, { slice }) => {
    for (const [site, { elements }] of outputs.entries()) {
      const activations = /** @type {Float32Array} */ (elements);
      for (const [i, factor] of FACTORS.entries()) {
        const scaled = activations.map((a) => a * factor);
        merge(present(slices[i]?.[slice]?.[site]), binned(new Uint32Array(scaled.buffer)));
      }
    }
  });
  const sparsities = slices.map((part, i) => {
    const poles = sites.map(({ pole }) => (pole === null ? null : pole * present(FACTORS[i])));
    return criticality(part, DEFAULT_CRITICAL_POINT, { poles })?.critical?.sparsity ?? null;
  });
  return { rows: ROWS, factors: FACTORS, sparsities };
}
