import { readFileSync } from 'node:fs';
import type { Tensor } from 'onnxruntime-node';
import { beforeAll, describe, expect, it } from 'vitest';
import { instrument } from '../../src/onnx/instrument.ts';
import { decodeModel } from '../../src/onnx/model-file.ts';
import { modelSignature } from '../../src/onnx/signature.ts';
import { smallCnn } from '../small-cnn.ts';
import { ort } from './ort.ts';
import { numbers, prunedOutputs, run, thresholds } from './reference.ts';

const bytes = readFileSync(smallCnn('model.onnx'));
const source = decodeModel(bytes);
const images = 32;
let feeds: Record<string, Tensor>;

beforeAll(() => {
  const npy = readFileSync(smallCnn('inputs.npy'));
  const pixels = npy.subarray(10 + npy.readUInt16LE(8)).subarray(0, images * 784);
  const image = new ort.Tensor(
    'float32',
    Float32Array.from(pixels, (byte) => byte / 255),
    [images, 1, 28, 28],
  );
  feeds = { [modelSignature(source).inputs[0]?.name ?? '']: image };
});

describe('the bundled model', () => {
  const { sites, skipped, bytes: gated } = instrument(bytes);
  const output = modelSignature(source).outputs[0]?.name ?? '';
  const at = async (threshold: number): Promise<number[]> => {
    const live = { taustat_threshold: thresholds(sites.length, threshold) };
    return numbers((await run(gated, { ...feeds, ...live }, { outputs: [output] }))[output]);
  };
  const expectClose = (actual: readonly number[], expected: readonly number[], relative: number): void => {
    const scale = Math.max(...expected.map(Math.abs));
    const worst = Math.max(...expected.map((e, i) => Math.abs(e - (actual[i] ?? Number.NaN)) / scale));
    expect(worst).toBeLessThanOrEqual(relative);
  };

  it('is gated after each of its five ReLUs, and nowhere else', () => {
    expect(sites.map(({ op, isNonNegative }) => `${op} ${isNonNegative}`)).toEqual(
      new Array(5).fill('Relu true'),
    );
    expect(skipped.map(({ reason }) => reason)).toEqual([
      'feeds a nonlinearity',
      'feeds a nonlinearity',
      'a graph output is never gated',
    ]);
  });

  it('answers as before at 0', async () => {
    expectClose(await at(0), numbers((await run(bytes, feeds))[output]), 1e-6);
  });

  it.each([0.1, 0.5, 1])(
    'answers at %d as the model pruned between part-graphs, live and baked',
    async (threshold) => {
      const tensors = sites.map(({ tensor }) => tensor);
      const expected = (await prunedOutputs(source, tensors, threshold, feeds, true))[output] ?? [];
      expectClose(await at(threshold), expected, 1e-4);
      const gate = { kind: 'baked', thresholds: sites.map(() => threshold) } as const;
      const baked = await run(instrument(bytes, { gate, taps: false }).bytes, feeds);
      expectClose(numbers(baked[output]), expected, 1e-4);
      const dense = await at(0);
      expect(Math.max(...dense.map((d, i) => Math.abs(d - (expected[i] ?? d))))).toBeGreaterThan(0.01);
    },
  );

  it('shows at its taps what the gates read: never negative, with exact zeros', async () => {
    const live = { taustat_threshold: thresholds(sites.length, 0) };
    const found = await run(gated, { ...feeds, ...live });
    for (const { tap } of sites) {
      const activations = numbers(found[tap]);
      expect(activations.length % images).toBe(0);
      expect(Math.min(...activations.slice(0, 10_000))).toBe(0);
      expect(Math.max(...activations.slice(0, 10_000))).toBeGreaterThan(0.5);
    }
  });
});
