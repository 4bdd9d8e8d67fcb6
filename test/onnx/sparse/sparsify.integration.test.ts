// A rewritten model answers as the instrumented one does, whatever layers skip zeros, at every threshold.
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { ENTRIES, isFirstSeed, WIDE_ENTRIES } from '../../../bench/zoo/entries.mjs';
import { SITE_SCHEMES } from '../../../src/config/site-schemes.ts';
import { indexGraph } from '../../../src/onnx/graph.ts';
import { instrument, rowPlaces } from '../../../src/onnx/instrument.ts';
import { decodeModel } from '../../../src/onnx/model-file.ts';
import { HISTOGRAMS_OUTPUT, MEASURE_INPUT, THRESHOLD_INPUT } from '../../../src/onnx/names.ts';
import { readRows } from '../../../src/onnx/row-independence.ts';
import { modelSignature } from '../../../src/onnx/signature.ts';
import { findSites } from '../../../src/onnx/sites.ts';
import { linearOperators } from '../../../src/onnx/sparse/operators.ts';
import { sparsify } from '../../../src/onnx/sparse/sparsify.ts';
import type { Tensor } from '../../../src/protocol/types.ts';
import { findKernels } from '../../../src/runtime/local/kernels.ts';
import { histogramsOf } from '../../../src/runtime/local/native/histogram-output.ts';
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

  for (const { entry, schemes } of CASES)
    it(`answers each row at thresholds of its own, and bins it: ${entry.name}`, async () => {
      const scheme = schemes[0]!;
      const bytes = readFileSync(new URL(entry.model, ROOT));
      const model = decodeModel(bytes);
      const { axisOf, meetings } = readRows(model);
      const { sites } = findSites(model, { scheme }, rowPlaces(model).obstacle);
      if (sites.length === 0) {
        // Rows meet at once.
        expect(meetings).not.toEqual([]);
        return;
      }
      const { sparse } = linearOperators(model, indexGraph(model), sites);
      const outputs = modelSignature(model).outputs.map(({ name }) => name);
      const inputs = await firstRows(entry, bytes);
      const gate = { kind: 'rows' } as const;
      const reference = await OrtSession.open(instrument(bytes, { scheme, gate }).bytes, {
        intraOpThreads: 1,
      });
      for (const gated of ['all', 'where-it-pays'] as const) {
        const rewritten = sparsify(model, sites, sparse, gated, { axisOf });
        const session = NativeSession.open(rewritten.bytes, {
          intraOpThreads: 1,
          kernels: kernels as Exclude<typeof kernels, object>,
        });
        const effective = (of: Tensor): Tensor => ({
          ...of,
          elements: (of.elements as Float32Array).map((t, i) =>
            rewritten.gatedBy[i % sites.length] === 'none' ? 0 : t,
          ),
        });
        let [full, answer, taps]: [Tensor, readonly Tensor[], readonly Tensor[]] = [
          rowThresholds(sites.length, 0),
          [],
          [],
        ];
        for (let isClear = false, k = 0; !isClear; k++) {
          full = rowThresholds(sites.length, k);
          const names = [...outputs, ...sites.map(({ tap }) => tap)];
          const found = await reference.run([...inputs, effective(full)], names);
          [answer, taps] = [found.slice(0, outputs.length), found.slice(outputs.length)];
          isClear = taps.every((tap, site) =>
            [0, 1, 2].every((row) => {
              const own = { ...tap, elements: rowOf(tap, row, axisOf(sites[site]!.tensor)!) };
              return isFarFrom((effective(full).elements as Float32Array)[row * sites.length + site]!, own);
            }),
          );
        }
        const measure: Tensor = {
          name: MEASURE_INPUT,
          datatype: 'FP32',
          shape: [ROWS, 1],
          elements: Float32Array.of(1, 0, 1),
        };
        const actual = await session.run([...inputs, full, measure], [...outputs, HISTOGRAMS_OUTPUT]);
        const errors = answer.map((tensor, i) => farthest(actual[i]!, tensor));
        expect(Math.max(...errors)).toBeLessThan(2e-5);
        const { elements, shape } = actual.at(-1)!;
        for (let row = 0; row < ROWS; row++) {
          const size = shape[1]!;
          const histograms = histogramsOf((elements as Float64Array).slice(row * size, (row + 1) * size));
          expect(histograms).toHaveLength(sites.length);
          for (const [site, { counts, zeros }] of histograms.entries()) {
            const threshold = (effective(full).elements as Float32Array)[row * sites.length + site]!;
            const own = rowOf(taps[site]!, row, axisOf(sites[site]!.tensor)!);
            const kept = own.filter((a) => a !== 0 && Math.abs(a) >= threshold).length;
            const count = counts.reduce((sum, n) => sum + n, 0);
            // Rounding may make a 0 of what is nearly one, and the other way round.
            const slack = threshold === 0 ? 0.01 * own.length : 0;
            if (row === 1) expect(count + zeros).toBe(0);
            else {
              expect(count + zeros).toBe(own.length);
              expect(Math.abs(count - kept)).toBeLessThanOrEqual(slack);
            }
          }
        }
        await session.release();
      }
      await reference.release();
    });
});

/** A dense row, and two pruned ones. */
function rowThresholds(sites: number, k: number): Tensor {
  const elements = Float32Array.from(
    { length: ROWS * sites },
    (_, i) => THRESHOLDS[Math.floor(i / sites)]! * (1 + k / 1000),
  );
  return { name: THRESHOLD_INPUT, datatype: 'FP32', shape: [ROWS, sites], elements };
}

/** The elements of one row of the batch. */
function rowOf({ elements, shape }: Tensor, row: number, axis: number): Float32Array {
  const inner = shape.slice(axis + 1).reduce((product, n) => product * n, 1);
  return (elements as Float32Array).filter((_, i) => Math.floor(i / inner) % shape[axis]! === row);
}

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
