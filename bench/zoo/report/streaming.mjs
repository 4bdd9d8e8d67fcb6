// The same inputs, one by one, through the server's rolling window.

import { criticality } from '../../../dist/criticality/critical-point.js';
import { RollingWindow } from '../../../dist/estimator/rolling-window.js';
import { pass } from '../../../dist/tools/analyze/passes.js';

/** The default rule's β* and τ* from a window that was filled input by input; null without a feature. */
export async function streamed({ passes, sites }, rows, slices) {
  const window = new RollingWindow({
    sites: sites.length,
    slices,
    sliceSamples: rows / slices,
    maxAgeMs: Number.POSITIVE_INFINITY,
  });
  const waiting = new Map();
  let next = 0;
  await pass(passes(0, rows, { batch: 1, outputs: [] }), 0, 'histogram', ({ histograms }, { from }) => {
    waiting.set(from, histograms);
    for (; waiting.has(next); next++) {
      window.add(waiting.get(next), next);
      waiting.delete(next);
    }
  });
  const found = criticality(window.snapshot().slices);
  if (found === null || found.critical === null) return null;
  const { threshold, sparsity } = found.critical;
  return { threshold, sparsity };
}
