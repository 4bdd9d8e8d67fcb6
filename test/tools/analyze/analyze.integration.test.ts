import { mkdtemp, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { encodeModel } from '../../../src/onnx/model-file.ts';
import type { Analysis } from '../../../src/tools/analyze/analysis.ts';
import { analyze } from '../../../src/tools/analyze/analyze.ts';
import { readNpy } from '../../../src/tools/inputs/npy.ts';
import { capture } from '../../estimator/bundled-activations.ts';
import { INT64, model, node, tensor, value } from '../../onnx/models.ts';
import { ort } from '../../onnx/ort.ts';
import { identity, perceptron, perceptronReference } from '../../runtime/small-models.ts';
import { smallCnn } from '../../small-cnn.ts';

const ROWS = 240;

/** The narrow CNN of the zoo, on the images that are bundled. */
const SMALL = {
  model: smallCnn('model.onnx'),
  inputs: [smallCnn('inputs.npy')],
  labels: smallCnn('labels.npy'),
} as const;

async function savedModel(source: Parameters<typeof encodeModel>[0]): Promise<string> {
  const path = join(await mkdtemp(join(tmpdir(), 'taustat-analyze-')), 'tiny.onnx');
  await writeFile(path, encodeModel(source));
  return path;
}

function array(shape: number[], elements: ArrayLike<number>, dtype = 'f4') {
  return { path: 'memory', shape, dtype, elements };
}

describe('F at given thresholds', () => {
  const thresholds = [0.03, 0.1, 0.2, 0.7310585, 2];

  it('equals a direct computation from the activations, at exactly these thresholds', async () => {
    const { renormalized, temperatureScale } = await analyze({ ...SMALL, thresholds, limit: ROWS });
    const magnitudes = (await capture(0, ROWS)).flatMap((site) => Array.from(site, Math.abs));
    const nonzero = magnitudes.filter((a) => a > 0);
    const total = nonzero.reduce((sum, a) => sum + a, 0);
    expect(temperatureScale).toBeCloseTo(total / nonzero.length, 9);
    for (const [k, threshold] of thresholds.entries()) {
      const kept = nonzero.filter((a) => a >= Math.fround(threshold));
      const energy = Math.log(kept.reduce((sum, a) => sum + a, 0) / total);
      const f = energy - (total / nonzero.length / threshold) * Math.log(kept.length / nonzero.length);
      expect(Math.abs(renormalized.freeEnergy[k]! - f)).toBeLessThanOrEqual(1e-9);
      expect(Math.abs(renormalized.internalEnergy[k]! - energy)).toBeLessThanOrEqual(1e-9);
      expect(Math.abs(renormalized.sparsity[k]! - (1 - kept.length / nonzero.length))).toBeLessThanOrEqual(
        1e-9,
      );
    }
  });

  it('does not depend on the size of the batches or the number of workers', async () => {
    const runs = await Promise.all([
      analyze({ ...SMALL, thresholds, limit: ROWS, batch: 1, workers: 1 }),
      analyze({ ...SMALL, thresholds, limit: ROWS, batch: 64, workers: 2 }),
    ]);
    for (const k of thresholds.keys()) {
      const [a, b] = runs.map(({ renormalized }) => renormalized.freeEnergy[k]!);
      expect(Math.abs(a! - b!)).toBeLessThanOrEqual(1e-9);
    }
    expect(runs[0]!.critical).toEqual(runs[1]!.critical);
  });
});

describe('a CNN, fully evaluated', () => {
  let analysis: Analysis;

  beforeAll(async () => {
    analysis = await analyze({ ...SMALL, full: true });
  });

  it('has a critical threshold that is no atom of the background, and keeps its accuracy there', () => {
    const { critical, answers } = analysis;
    expect(critical!.threshold).toBeGreaterThan(0.12);
    expect(critical!.interval[0]).toBeLessThanOrEqual(critical!.threshold);
    expect(critical!.interval[1]).toBeGreaterThanOrEqual(critical!.threshold);
    expect(answers!.criticalAccuracy!).toBeGreaterThan(answers!.denseAccuracy! - 0.02);
    expect(Math.abs(answers!.criticalSparsity! - critical!.sparsity)).toBeLessThan(0.02);
  });

  it('shows the same first feature renormalized and fully evaluated', () => {
    const [first] = analysis.full!.features;
    expect(first!.kind).toBe(analysis.features[0]!.kind);
    expect(Math.abs(first!.sparsity - analysis.features[0]!.sparsity)).toBeLessThanOrEqual(0.03);
  });

  it('is as accurate as the dense model where next to nothing is pruned, and worse at the end', async () => {
    const session = await ort.InferenceSession.create(await readFile(smallCnn('model.onnx')));
    const { elements } = await readNpy(smallCnn('inputs.npy'));
    const labels = (await readNpy(smallCnn('labels.npy'))).elements;
    const images = Float32Array.from(elements as Uint8Array);
    const feeds = { [session.inputNames[0]!]: new ort.Tensor('float32', images, [1000, 1, 28, 28]) };
    const logits = (await session.run(feeds))[session.outputNames[0]!]!.data as Float32Array;
    let hits = 0;
    for (let row = 0; row < 1000; row++) {
      const scores = Array.from(logits.subarray(row * 10, row * 10 + 10));
      if (scores.indexOf(Math.max(...scores)) === Number(labels[row])) hits++;
    }
    expect(analysis.answers!.denseAccuracy).toBe(hits / 1000);
    const { full } = await analyze({ ...SMALL, full: true, thresholds: [1e-6, 1], limit: 300 });
    const dense = await analyze({ ...SMALL, limit: 300 });
    expect(full!.accuracy![0]).toBe(dense.answers!.denseAccuracy);
    expect(full!.agreement![0]).toBe(1);
    expect(full!.accuracy![1]).toBeLessThan(dense.answers!.denseAccuracy! - 0.1);
  });

  it('has every key of the contract, one value per threshold, and only numbers and nulls in JSON', () => {
    const json = JSON.parse(JSON.stringify(analysis));
    expect(Object.keys(json)).toEqual(
      expect.arrayContaining([
        'model',
        'sites',
        'temperature',
        'thresholds',
        'renormalized',
        'full',
        'features',
        'critical',
        'timings',
      ]),
    );
    expect(json.model).toBe('fashion-mnist-cnn');
    expect(json.thresholds).toHaveLength(40);
    for (const key of ['freeEnergy', 'sparsity', 'internalEnergy'])
      expect(json.renormalized[key]).toHaveLength(40);
    for (const key of ['freeEnergy', 'sparsity', 'accuracy', 'agreement'])
      expect(json.full[key]).toHaveLength(40);
    expect(Object.keys(json.critical)).toEqual(['threshold', 'sparsity', 'feature', 'interval']);
    expect(json.features[0]).toMatchObject({ kind: 'maximum', sparsity: json.critical.sparsity });
    expect(json.sites[0]).toMatchObject({ name: '/block1/relu/Relu', op: 'Relu' });
    expect(json.sites[0].zeroRatio).toBeCloseTo(0.523, 2);
    for (const key of ['renormalizedSeconds', 'fullSeconds', 'windowSeconds'])
      expect(json.timings[key]).toBeGreaterThan(0);
  });

  it('is analyzed by the plain rule of the paper too, on the thresholds that are given', async () => {
    const paper = await analyze({
      ...SMALL,
      rule: 'paper',
      limit: ROWS,
      criticalPoint: { temperature: 'paper' },
    });
    expect(paper.curve.thresholds).toEqual(paper.thresholds);
    expect(paper.thresholds).toContain(paper.critical!.threshold);
    const given = [0.05, 0.1, 0.15, 0.2, 0.3, 0.6];
    const own = await analyze({ ...SMALL, rule: 'paper', thresholds: given, limit: ROWS });
    expect(own.curve.thresholds).toEqual(given);
    expect(given).toContain(own.critical!.threshold);
  });
});

describe('small models', () => {
  const x = Array.from({ length: 400 * 4 }, (_, i) => ((i * 11 + (i >> 5) * 3) % 13) - 6);

  it('are counted as arithmetic says', async () => {
    const path = await savedModel(perceptron());
    const inputs = { x: array([400, 4], x) };
    const { renormalized, full, sites, rows } = await analyze({
      model: path,
      inputs,
      thresholds: [3, 10],
      full: true,
    });
    const { activations } = perceptronReference(x);
    const nonzero = activations.filter((a) => a > 0);
    expect(rows).toBe(400);
    expect(sites).toEqual([
      {
        name: 'relu',
        op: 'Relu',
        zeroRatio: 1 - nonzero.length / activations.length,
        activations: nonzero.length,
        meanMagnitude: nonzero.reduce((a, b) => a + b) / nonzero.length,
      },
    ]);
    for (const [k, threshold] of [3, 10].entries()) {
      const beta = 1 - nonzero.filter((a) => a >= threshold).length / nonzero.length;
      expect(renormalized.sparsity[k]).toBeCloseTo(beta, 12);
      // One site: there is no later activation for pruning to change.
      expect(full!.sparsity[k]).toBeCloseTo(beta, 12);
      expect(full!.freeEnergy[k]).toBeCloseTo(renormalized.freeEnergy[k]!, 12);
    }
  });

  it('with several inputs take each by its name', async () => {
    const path = await savedModel(
      model({
        nodes: [
          node('Gather', ['table', 'ids'], 'e'),
          node('Mul', ['e', 'weight'], 'w'),
          node('Relu', ['w'], 'r', {}, { name: 'relu' }),
          node('MatMul', ['r', 'b'], 'y'),
        ],
        inputs: [value('ids', ['N'], INT64), value('weight', ['N', 1])],
        outputs: [value('y', ['N', 2])],
        initializers: [tensor('table', [3, 2], [1, -1, 2, 4, -3, 8]), tensor('b', [2, 2], [1, 0, 0, 1])],
      }),
    );
    const ids = Array.from({ length: 60 }, (_, i) => i % 3);
    const inputs = {
      weight: array([60, 1], new Array<number>(60).fill(2)),
      ids: array([60], ids, 'u1'),
    };
    const labels = array(
      [60],
      ids.map((id) => (id === 0 ? 0 : 1)),
      'i8',
    );
    const { answers, sites, critical } = await analyze({ model: path, inputs, labels });
    expect(answers).toEqual({ denseAccuracy: 1 });
    expect(sites[0]!.activations).toBe(20 * 4);
    expect(sites[0]!.meanMagnitude).toBe((2 + 4 + 8 + 16) / 4);
    expect(critical).toBeNull();
  });

  it('with a fixed batch are run in such batches', async () => {
    const source = perceptron();
    const fixed = model({
      nodes: source.graph!.node,
      inputs: [value('x', [8, 4])],
      outputs: [value('y', [8, 3])],
      initializers: source.graph!.initializer,
    });
    const inputs = { x: array([400, 4], x) };
    const { rows, sites } = await analyze({ model: await savedModel(fixed), inputs, limit: 399 });
    expect(rows).toBe(392);
    const { activations } = perceptronReference(x.slice(0, 392 * 4));
    expect(sites[0]!.activations).toBe(activations.filter((a) => a > 0).length);
  });

  it('without a gateable site have no critical threshold, and no curve', async () => {
    const analysis = await analyze({
      model: await savedModel(identity(1)),
      inputs: { x: array([8], [1, 2, 3, 4, 5, 6, 7, 8]) },
      full: true,
      thresholds: [1, 2],
    });
    expect(analysis).toMatchObject({
      sites: [],
      critical: null,
      features: [],
      renormalized: { freeEnergy: [null, null] },
      full: { freeEnergy: [null, null] },
    });
  });

  it.each([
    [{ thresholds: [0.2, 0.1] }, 'thresholds: expected positive numbers in increasing order'],
    [{ thresholds: [0] }, 'thresholds: expected positive numbers in increasing order'],
    [{ thresholds: [0.1, 0.1 + 1e-12] }, 'thresholds: expected positive numbers in increasing order'],
    [{ labels: array([400], new Array<number>(400).fill(3), 'i8') }, 'row 0 has class 3'],
    [{ labels: array([399], new Array<number>(399).fill(0), 'i8') }, 'expected [400]'],
    [{ inputs: { z: array([400, 4], x) } }, "the model has no input 'z', only 'x'"],
    [{ inputs: { x: array([200, 8], x) } }, "input 'x' takes [-1,4]"],
  ])('refuse what does not fit (%#)', async (options, message) => {
    const path = await savedModel(perceptron());
    await expect(
      analyze({ model: path, inputs: { x: array([400, 4], x) }, ...options }),
    ).rejects.toMatchObject({
      code: 'INVALID_REQUEST',
      message: expect.stringContaining(message),
    });
  });
});
