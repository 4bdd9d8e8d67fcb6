// What the control loop decides on is the same whether a model runs here or in an upstream server: histograms bin by bin.
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { entryOf } from '../../../bench/zoo/entries.mjs';
import { binned } from '../../../src/estimator/binning.ts';
import { decodeModel } from '../../../src/onnx/model-file.ts';
import type { Tensor } from '../../../src/protocol/types.ts';
import type { Measure } from '../../../src/runtime/measure.ts';
import { measuredTaps } from '../../../src/runtime/measured-taps.ts';
import type { Runtime, ShadowResult } from '../../../src/runtime/runtime.ts';
import { connectUpstream } from '../../../src/runtime/upstream/connect.ts';
import { readUpstreamModel } from '../../../src/runtime/upstream/upstream-model.ts';
import { UpstreamRuntime } from '../../../src/runtime/upstream/upstream-runtime.ts';
import { smallCnn } from '../../small-cnn.ts';
import { openRuntime } from '../open-runtime.ts';
import { INSTRUMENTED, openPair, PLAIN } from './upstream-lab.ts';

const MEASURES: readonly (readonly [number, Measure])[] = [
  [0, 'histogram'],
  [0.3, 'histogram'],
  [0.3, 'retained'],
  [0, { tallyAt: Float32Array.of(0.01, 0.1, 1, 10) }],
];

describe.each([
  ['a convolutional network', smallCnn('model.onnx'), 'image', [1, 28, 28]],
  ['an MLP', entryOf('optical-digits-mlp').model, 'image', [1, 16, 16]],
] as const)('%s, here and in an upstream server', (_, file, name, sizes) => {
  it.each(['http', 'grpc'] as const)('shows the same over %s', async (protocol) => {
    const plain = readFileSync(file);
    const lab = await openPair(plain);
    const client = await connectUpstream(lab[protocol], {});
    const names = { name: PLAIN, instrumented: INSTRUMENTED };
    const model = await readUpstreamModel(client, names, AbortSignal.timeout(60_000));
    const there = new UpstreamRuntime(client, model, {
      maxConcurrent: 4,
      maxShadows: 2,
      maxShadowQueue: 8,
      maxRunMs: 60_000,
      forwardHeaders: [],
    });
    const here = await openRuntime(decodeModel(plain));
    const outputs = model.metadata.outputs.map((output) => output.name);
    for (const rows of [1, 3]) {
      const shape = [rows, ...sizes];
      const count = shape.reduce((product, size) => product * size, 1);
      const elements = Float32Array.from({ length: count }, (_, i) => ((i * 7919 + rows) % 251) / 4);
      const inputs: Tensor[] = [{ name, datatype: 'FP32', shape, elements }];
      for (const [threshold, measure] of MEASURES) {
        const thresholds = new Float32Array(model.sites.length).fill(threshold);
        const run = { inputs, outputs, thresholds, measure, keepInputs: true };
        const ask = async (runtime: Runtime) => (await runtime.shadow(run)) as ShadowResult;
        const [a, b] = [await ask(here), await ask(there)];
        expect(b.histograms).toEqual(a.histograms);
        expect(b.retained).toEqual(a.retained);
        expect(b.outputs).toEqual(a.outputs);
      }
    }
    await Promise.all([here.close(), there.close()]);
    await client.close();
    await lab.close();
  });
});

it('bins NaN, infinities, denormals and signed zeros of taps as the estimator does', () => {
  const odd = [Number.NaN, Infinity, -Infinity, 0, -0, 1e-45, -1e-39, 2 ** -126, -3.5, 1, 3.4e38];
  const elements = Float32Array.from(odd);
  const tap: Tensor = { name: 'taustat_tap_0', datatype: 'FP32', shape: [1, odd.length], elements };
  const { histograms } = measuredTaps([tap], { measure: 'histogram' });
  expect(histograms).toEqual([binned(new Uint32Array(elements.buffer))]);
  expect(histograms[0]).toMatchObject({ nonFinite: 3, zeros: 3 });
});
