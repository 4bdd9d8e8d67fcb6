// Histograms that a run makes as it goes are those of the activations themselves, or of a sample of them where they are many.
import { describe, expect, it } from 'vitest';
import { entryOf } from '../../../bench/zoo/entries.mjs';
import type { ActivationHistogram } from '../../../src/estimator/histogram.ts';
import { findKernels, type Kernels } from '../../../src/runtime/local/kernels.ts';
import { loadModel } from '../../../src/runtime/local/load-model.ts';
import { WorkerRuntime } from '../../../src/runtime/local/worker-runtime.ts';
import type { ShadowResult } from '../../../src/runtime/runtime.ts';
import { inputRows } from '../../../src/tools/inputs/input-rows.ts';
import { readNpy } from '../../../src/tools/inputs/npy.ts';

const ROOT = new URL('../../../', import.meta.url);
const kernels = await findKernels('auto');

/** Bins that hold something, whatever window they are stored in. */
function filled({ offset, counts, residuals, zeros, nonFinite }: ActivationHistogram) {
  const bins = Array.from(counts, (count, i) => [offset + i, count, residuals[i]]);
  return { zeros, nonFinite, bins: bins.filter(([, count]) => count !== 0) };
}

/** Activations of a tensor from which on a sample of them is binned. */
const MANY = 2 * 4096;

/** Largest difference of two distribution functions. */
function distance(a: ActivationHistogram, b: ActivationHistogram): number {
  const counts = (h: ActivationHistogram, bin: number) => h.counts[bin - h.offset] ?? 0;
  const end = Math.max(a.offset + a.counts.length, b.offset + b.counts.length);
  const all = totals(a);
  let largest = Math.abs(a.zeros - b.zeros) / all;
  let difference = a.zeros - b.zeros;
  for (let bin = Math.min(a.offset, b.offset); bin < end; bin++) {
    difference += counts(a, bin) - counts(b, bin);
    largest = Math.max(largest, Math.abs(difference) / all);
  }
  return largest;
}

const totals = ({ counts, zeros, nonFinite }: ActivationHistogram) =>
  counts.reduce((sum, count) => sum + count, zeros + nonFinite);

describe.skipIf(typeof kernels === 'object')('a shadow run with kernels', () => {
  it.each([
    ['fashion-mnist-cnn', 'activations', false],
    ['fashion-mnist-resnet18', 'activations', true],
    ['brown-bert', 'activations', false],
    ['brown-bert', 'linear-inputs', false],
  ] as const)(
    'has the histograms and the answers of one that shows its activations: %s, %s',
    async (name, scheme, isJoined) => {
      const entry = entryOf(name);
      const loaded = await loadModel(new URL(entry.model, ROOT).pathname, { scheme });
      const { inputs: specs, outputs } = loaded.signature;
      const files = Object.entries(entry.inputs).map(
        async ([input, path]) => [input, await readNpy(new URL(path, ROOT).pathname)] as const,
      );
      const inputs = inputRows(specs, new Map(await Promise.all(files))).batch(0, 5);
      const shadow = async (known: Kernels | undefined): Promise<ShadowResult> => {
        const setup = {
          ...loaded.setup,
          intraOpThreads: 1,
          ...(known === undefined ? {} : { kernels: known }),
        };
        const runtime = await WorkerRuntime.start(setup, { workers: 1, maxShadowQueue: 1 });
        const result = await runtime.shadow({
          inputs,
          outputs: outputs.map((output) => output.name),
          thresholds: new Float32Array(loaded.sites.length),
          measure: 'histogram',
          keepInputs: true,
        });
        await runtime.close();
        if (result === 'dropped') throw new Error('dropped');
        return result;
      };
      const shown = await shadow(undefined);
      const made = await shadow(kernels as Kernels);
      for (const [i, { elements }] of made.outputs.entries())
        for (const [k, value] of (elements as Float32Array).entries())
          expect(value).toBeCloseTo((shown.outputs[i]!.elements as Float32Array)[k]!, 4);
      for (const [i, own] of made.histograms.entries()) {
        const all = shown.histograms[i]!;
        // A tap may keep ONNX Runtime from joining two operators, which then round otherwise.
        if (totals(all) < MANY && !isJoined) expect(filled(own)).toEqual(filled(all));
        expect(totals(own)).toBe(totals(all));
        expect(distance(own, all)).toBeLessThan(0.08);
      }
      expect(made.histograms).toHaveLength(loaded.sites.length);
    },
  );
});
