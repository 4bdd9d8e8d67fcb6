import { expect, it } from 'vitest';
import { criticality } from '../../../src/criticality/critical-point.ts';
import { binned } from '../../../src/estimator/binning.ts';
import { RollingWindow } from '../../../src/estimator/rolling-window.ts';
import { analyze } from '../../../src/tools/analyze/analyze.ts';
import { SLICES } from '../../../src/tools/analyze/schedule.ts';
import { capture } from '../../estimator/bundled-activations.ts';
import { smallCnn } from '../../small-cnn.ts';

const ROWS = 400;

it('inputs that come one by one through a rolling window give the critical threshold of the batch', async () => {
  const { critical } = await analyze({
    model: smallCnn('model.onnx'),
    inputs: [smallCnn('inputs.npy')],
    limit: ROWS,
  });
  const window = new RollingWindow({
    sites: 5,
    slices: SLICES,
    sliceSamples: ROWS / SLICES,
    maxAgeMs: Number.POSITIVE_INFINITY,
  });
  for (let row = 0; row < ROWS; row++) {
    const sites = await capture(row, row + 1);
    window.add(
      sites.map((site) => binned(new Uint32Array(site.buffer, site.byteOffset, site.length))),
      row,
    );
  }
  const streamed = criticality(window.snapshot().slices)!.critical!;
  expect(streamed.threshold).toBe(critical!.threshold);
  expect(streamed.feature).toBe(critical!.feature);
  expect(Math.abs(streamed.sparsity - critical!.sparsity)).toBeLessThanOrEqual(0.005);
});
