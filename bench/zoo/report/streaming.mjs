// The same inputs, one by one, through the server's rolling window.

import { criticality, DEFAULT_CRITICAL_POINT } from '../../../dist/criticality/critical-point.js';
import { RollingWindow } from '../../../dist/estimator/rolling-window.js';
import { pass } from '../../../dist/tools/analyze/passes.js';

/** @typedef {import('../../../dist/estimator/histogram.js').SiteHistograms} SiteHistograms */

/** The default rule's β* and τ* from a window that was filled input by input; null without a feature. @type {(opened: import('./opened.mjs').Opened, rows: number, slices: number) => Promise<import('./row.ts').RowMeasured['streamed']>} */
export async function streamed({ passes, sites }, rows, slices) {
  const window = new RollingWindow({
    sites: sites.length,
    slices,
    sliceSamples: rows / slices,
    maxAgeMs: Number.POSITIVE_INFINITY,
  });
  /** @type {SiteHistograms[]} */
  const arrived = [];
  await pass(passes(0, rows, { batch: 1, outputs: [] }), 0, 'histogram', ({ histograms }, { from }) => {
    arrived[from] = histograms;
  });
  for (const [i, histograms] of arrived.entries()) window.add(histograms, i);
  const found = criticality(window.snapshot().slices, DEFAULT_CRITICAL_POINT, {
    poles: sites.map(({ pole }) => pole),
  });
  if (found === null || found.critical === null) return null;
  const { threshold, sparsity } = found.critical;
  return { threshold, sparsity };
}
