// A rewritten model answers as the instrumented one does, whatever layers skip zeros, at every threshold.
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { ENTRIES, isFirstSeed, WIDE_ENTRIES } from '../../../bench/zoo/entries.mjs';
import { SITE_SCHEMES } from '../../../src/config/site-schemes.ts';
import { indexGraph } from '../../../src/onnx/graph.ts';
import { instrument } from '../../../src/onnx/instrument.ts';
import { decodeModel } from '../../../src/onnx/model-file.ts';
import { modelSignature } from '../../../src/onnx/signature.ts';
import { findSites } from '../../../src/onnx/sites.ts';
import { linearOperators } from '../../../src/onnx/sparse/operators.ts';
import { sparsify } from '../../../src/onnx/sparse/sparsify.ts';
import type { Tensor } from '../../../src/protocol/types.ts';
import { findKernels } from '../../../src/runtime/local/kernels.ts';
import { NativeSession } from '../../../src/runtime/local/native-session.ts';
import { OrtSession } from '../../../src/runtime/local/ort-session.ts';
import { thresholdInput } from '../../../src/runtime/local/session.ts';
import { inputRows } from '../../../src/tools/inputs/input-rows.ts';
import { readNpy } from '../../../src/tools/inputs/npy.ts';

const ROOT = new URL('../../../', import.meta.url);
const ROWS = 3;
const THRESHOLDS = [0, 0.03, 0.3];
/** Relative. */
const ROUNDING = 1e-5;
/** The weights of the wide ones are behind a Cast. */
const CASES = [
  ...ENTRIES.filter(isFirstSeed).map((entry) => ({ entry, schemes: SITE_SCHEMES })),
  ...WIDE_ENTRIES.map((entry) => ({ entry, schemes: ['auto'] as const })),
];

const kernels = await findKernels('auto');

describe.skipIf(typeof kernels === 'object')('a rewritten model', () => {
  for (const { entry, schemes } of CASES)
    it.each(schemes)(`answers as the instrumented one does: ${entry.name}, %s`, async (scheme) => {
      const bytes = readFileSync(new URL(entry.model, ROOT));
      const model = decodeModel(bytes);
      const { sites } = findSites(model, { scheme });
      const { sparse } = linearOperators(model, indexGraph(model), sites);
      const outputs = modelSignature(model).outputs.map(({ name }) => name);
      const inputs = await firstRows(entry, bytes);
      const reference = await OrtSession.open(instrument(bytes, { scheme }).bytes, { intraOpThreads: 1 });
      const taps = sites.map(({ tap }) => tap);
      const every = sparse;
      const some = sparse.filter((_, i) => i % 2 === 0);
      const odd = sites.map((_, i) => i % 2 === 1);
      const cases = [
        { chosen: every, gated: 'all' },
        { chosen: some, gated: 'all' },
        { chosen: some, gated: 'where-it-pays' },
        { chosen: every, gated: odd },
      ] as const;
      for (const { chosen, gated } of cases) {
        const rewritten = sparsify(model, sites, chosen, gated);
        expect(gated === 'where-it-pays' && rewritten.gatedBy.includes('mask')).toBe(false);
        const session = NativeSession.open(rewritten.bytes, {
          intraOpThreads: 1,
          kernels: kernels as Exclude<typeof kernels, object>,
        });
        for (const about of THRESHOLDS) {
          let [full, left, expected] = [new Float32Array(0), new Float32Array(0), [] as readonly Tensor[]];
          for (let isClear = false, k = 0; !isClear; k++) {
            full = new Float32Array(sites.length).fill(about * (1 + k / 1000));
            left = full.map((t, i) => (rewritten.gatedBy[i] === 'none' ? 0 : t));
            const found = await reference.run([...inputs, thresholdInput(left)], [...outputs, ...taps]);
            expected = found.slice(0, outputs.length);
            isClear = found.slice(outputs.length).every((tap, i) => isFarFrom(left[i]!, tap));
          }
          const actual = await session.run([...inputs, thresholdInput(full)], outputs);
          const errors = expected.map((tensor, i) => farthest(actual[i]!, tensor));
          expect(Math.max(...errors)).toBeLessThan(2e-5);
        }
        await session.release();
      }
    });
});

async function firstRows(entry: (typeof ENTRIES)[number], bytes: Uint8Array): Promise<readonly Tensor[]> {
  const { inputs } = modelSignature(decodeModel(bytes));
  const arrays = new Map(
    await Promise.all(
      Object.entries(entry.inputs).map(
        async ([name, path]) => [name, await readNpy(new URL(path, ROOT).pathname)] as const,
      ),
    ),
  );
  return inputRows(inputs, arrays).batch(0, ROWS);
}

/** Whether no activation is so near a threshold that the rounding of a layer decides on which side it is. */
function isFarFrom(threshold: number, { elements }: Tensor): boolean {
  return (elements as Float32Array).every((a) => Math.abs(Math.abs(a) - threshold) >= ROUNDING * threshold);
}

/** Largest difference, in units of the largest magnitude. */
function farthest(actual: Tensor, expected: Tensor): number {
  const a = actual.elements as Float32Array;
  const b = expected.elements as Float32Array;
  const scale = b.reduce((most, value) => Math.max(most, Math.abs(value)), 1e-6);
  return b.reduce((most, value, i) => Math.max(most, Math.abs(value - a[i]!)), 0) / scale;
}
