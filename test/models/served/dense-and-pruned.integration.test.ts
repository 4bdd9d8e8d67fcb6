import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readExposition, samplesOf } from '../../../console/exposition.js';
import { createTaustat, type Taustat } from '../../../src/index.ts';
import { encodeModel } from '../../../src/onnx/model-file.ts';
import type { InferRequest, Tensor } from '../../../src/protocol/types.ts';
import { inputRows } from '../../../src/tools/inputs/input-rows.ts';
import { readNpy } from '../../../src/tools/inputs/npy.ts';
import { FLOAT16, halfBits, model, node, tensor, value } from '../../onnx/models.ts';
import { SMALL_GATED, SMALL_NAME, smallCnn } from '../../small-cnn.ts';
import { until } from '../../transport/http/until.ts';

const SPEC = { name: 'image', datatype: 'FP32', shape: [-1, 1, 28, 28] } as const;

async function images(from: number, to: number): Promise<Tensor[]> {
  return inputRows([SPEC], new Map([['image', await readNpy(smallCnn('inputs.npy'))]])).batch(from, to);
}

async function plainLogits(inputs: readonly Tensor[]): Promise<Float32Array> {
  process.env.ORT_DISABLE_TELEMETRY = '1';
  const { InferenceSession, Tensor: OrtTensor } = await import('onnxruntime-node');
  const session = await InferenceSession.create(smallCnn('model.onnx'), { intraOpNumThreads: 1 });
  const { elements, shape } = inputs[0]!;
  const { logits } = await session.run({ image: new OrtTensor('float32', elements as Float32Array, shape) });
  return logits!.data as Float32Array;
}

const request = (inputs: readonly Tensor[], parameters: InferRequest['parameters'] = {}): InferRequest => ({
  inputs,
  parameters,
});

/** The value of the model's first sample with these labels. */
async function metric(taustat: Taustat, name: string, labels: Record<string, string> = {}): Promise<number> {
  const exposition = readExposition((await taustat.metrics()).body);
  const [sample] = samplesOf(exposition, name, { model: SMALL_NAME, ...labels });
  return sample?.value ?? Number.NaN;
}

describe('a float16 model', () => {
  const half = model({
    nodes: [
      node('MatMul', ['x', 'a'], 'h'),
      node('Relu', ['h'], 'r', {}, { name: 'relu' }),
      node('MatMul', ['r', 'b'], 'y'),
    ],
    inputs: [value('x', ['N', 32], FLOAT16)],
    outputs: [value('y', ['N', 8], FLOAT16)],
    initializers: [
      tensor(
        'a',
        [32, 64],
        Array.from({ length: 2048 }, (_, i) => Math.sin(i) / 3),
        FLOAT16,
      ),
      tensor(
        'b',
        [64, 8],
        Array.from({ length: 512 }, (_, i) => Math.cos(i) / 3),
        FLOAT16,
      ),
    ],
  });
  const inputs = [
    {
      name: 'x',
      datatype: 'FP16',
      shape: [4, 32],
      elements: Uint16Array.from({ length: 128 }, (_, i) => halfBits(Math.sin(i * 1.3))),
    },
  ] as const;

  it.each([
    ['off', undefined],
    ['auto', undefined],
    ['fixed', 0],
  ] as const)(
    'in mode %s, before anything is pruned, has the plain model’s bits',
    async (mode, threshold) => {
      const folder = await mkdtemp(join(tmpdir(), 'half-'));
      const path = join(folder, 'm.onnx');
      await writeFile(path, encodeModel(half));
      const { InferenceSession, Tensor: OrtTensor } = await import('onnxruntime-node');
      const session = await InferenceSession.create(path, { intraOpNumThreads: 1 });
      const { elements, shape } = inputs[0];
      const { y } = await session.run({ x: new OrtTensor('float16', elements.slice(), [...shape]) });
      const taustat = await createTaustat({
        model: { path },
        runtime: { gates: 'mask' },
        control: { mode, ...(threshold === undefined ? {} : { threshold }) },
        telemetry: { logLevel: 'silent' },
      });
      const { outputs, parameters } = await taustat.infer(request(inputs));
      await taustat.close();
      await rm(folder, { recursive: true });
      expect(parameters.threshold).toBe(0);
      expect(Array.from(outputs[0]!.elements as Uint16Array)).toEqual(Array.from(y!.data as Uint16Array));
    },
  );
});

describe('the bundled model', () => {
  let taustat: Taustat;
  beforeAll(async () => {
    taustat = await createTaustat({
      ...SMALL_GATED,
      control: { mode: 'fixed', threshold: 0.25 },
      sampling: { ratio: 1, budget: 1 },
      telemetry: { logLevel: 'silent' },
    });
  });
  afterAll(() => taustat.close());

  it('answers at the applied threshold and says so; `pruning: off` gets the plain model’s bits', async () => {
    const inputs = await images(0, 8);
    const plain = await plainLogits(inputs);
    const pruned = await taustat.infer(request(inputs));
    expect(pruned.parameters.threshold).toBe(0.25);
    expect(pruned.outputs[0]!.elements).not.toEqual(plain);
    const dense = await taustat.infer(request(inputs, { pruning: 'off' }));
    expect(dense.parameters.threshold).toBe(0);
    expect(dense.outputs[0]!.elements).toEqual(plain);
    expect(dense.outputs.map(({ name, shape }) => [name, shape])).toEqual([['logits', [8, 10]]]);
  });

  it('measures on sampled requests what the gates did', async () => {
    for (let i = 0; i < 40; i++) await taustat.infer(request(await images(i, i + 1)));
    await until(async () => (await metric(taustat, 'taustat_shadow_runs_total', { outcome: 'ok' })) >= 40);
    const sparsity = await metric(taustat, 'taustat_sparsity_ratio', { site: 'all' });
    expect(sparsity).toBeGreaterThan(0.15);
    expect(sparsity).toBeLessThan(0.45);
    const measured = await metric(taustat, 'taustat_free_energy', { kind: 'measured' });
    const renormalized = await metric(taustat, 'taustat_free_energy', { kind: 'renormalized' });
    expect(Math.abs(measured - renormalized)).toBeLessThan(0.15);
    expect(await metric(taustat, 'taustat_agreement_ratio')).toBeGreaterThan(0.85);
    expect(await metric(taustat, 'taustat_activations_sampled_total')).toBeGreaterThan(40 * 22_000);
  });

  it('answers NaN inputs as the model does, and keeps them out of the estimator', async () => {
    const [image] = await images(0, 1);
    const spoilt = { ...image!, elements: new Float32Array(784).fill(Number.NaN) };
    const dense = await taustat.infer(request([spoilt], { pruning: 'off' }));
    expect(dense.outputs[0]!.elements).toEqual(await plainLogits([spoilt]));
    const before = await metric(taustat, 'taustat_activations_nonfinite_total');
    await taustat.infer(request([spoilt]));
    await until(async () => (await metric(taustat, 'taustat_activations_nonfinite_total')) > before);
    expect(await metric(taustat, 'taustat_free_energy', { kind: 'measured' })).not.toBeNaN();
  });

  it('gives up at the deadline that a request sets', async () => {
    const inputs = await images(0, 256);
    await expect(taustat.infer(request(inputs, { timeout: 1 }))).rejects.toMatchObject({
      code: 'DEADLINE_EXCEEDED',
    });
    expect((await taustat.infer(request(await images(0, 1)))).outputs).toHaveLength(1);
  });

  it('exports every metric of the contract, in both formats', async () => {
    const names = [
      'requests_total request_duration_seconds threshold sparsity_ratio critical_threshold critical_sparsity_ratio',
      'free_energy agreement_ratio agreement_lower_bound_ratio output_divergence drift_distance drift_limit',
      'threshold_changes_total state shadow_runs_total activations_sampled_total estimator_duration_seconds',
    ].flatMap((line) => line.split(' '));
    const text = await taustat.metrics();
    const open = await taustat.metrics('application/openmetrics-text; version=1.0.0');
    expect(text.contentType).toMatch(/^text\/plain/);
    expect(open.contentType).toMatch(/^application\/openmetrics-text/);
    expect(open.body.trimEnd().endsWith('# EOF')).toBe(true);
    for (const name of names) {
      expect(text.body).toContain(`# TYPE taustat_${name} `);
      expect(open.body).toContain(`# TYPE taustat_${name.replace(/_total$/, '')} `);
    }
  });
});

describe('mode off', () => {
  it('is the plain model bit for bit, and samples nothing', async () => {
    const taustat = await createTaustat({
      ...SMALL_GATED,
      control: { mode: 'off' },
      sampling: { ratio: 1, budget: 1 },
      telemetry: { logLevel: 'silent' },
    });
    const inputs = await images(0, 100);
    const { outputs } = await taustat.infer(request(inputs));
    expect(outputs[0]!.elements).toEqual(await plainLogits(inputs));
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(await metric(taustat, 'taustat_shadow_runs_total')).toBe(0);
    await taustat.close();
    await expect(taustat.infer(request(inputs))).rejects.toMatchObject({ code: 'UNAVAILABLE' });
  });
});
