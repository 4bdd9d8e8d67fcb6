import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { compose } from '../../../src/compose.ts';
import { type ConfigInput, parseConfig } from '../../../src/config/schema.ts';
import { encodeModel } from '../../../src/onnx/model-file.ts';
import type { InferResponse, Tensor } from '../../../src/protocol/types.ts';
import type { Taustat } from '../../../src/taustat.ts';
import { inputRows } from '../../../src/tools/inputs/input-rows.ts';
import { readNpy } from '../../../src/tools/inputs/npy.ts';
import { model, node, value } from '../../onnx/models.ts';
import { STRING } from '../../runtime/small-models.ts';
import { SMALL_GATED, SMALL_NAME, smallCnn } from '../../small-cnn.ts';

interface Logged {
  readonly msg: string;
  readonly reason?: string;
}

interface ModelStats {
  readonly execution_count: number;
  readonly inference_count: number;
  readonly batch_stats: readonly {
    readonly batch_size: number;
    readonly compute_infer: { readonly count: number; readonly ns: number };
  }[];
  readonly inference_stats: { readonly success: { readonly count: number } };
}

/** A server of one model with batching on, and what it logs. */
async function serving(settings: ConfigInput): Promise<{ taustat: Taustat; logged: Logged[] }> {
  const logged: Logged[] = [];
  const log = pino({ level: 'info' }, { write: (line: string) => logged.push(JSON.parse(line)) });
  const config = parseConfig({
    model: SMALL_GATED.model,
    batching: { maxBatch: 16 },
    runtime: { workers: 1, gates: 'mask' },
    ...settings,
  });
  return { taustat: await compose(config, log), logged };
}

const logitsOf = ({ outputs }: InferResponse) => Array.from(outputs[0]!.elements as Float32Array);

describe('batching of the bundled model', () => {
  let taustat: Taustat;
  let images: Tensor[][];
  beforeAll(async () => {
    const spec = { name: 'image', datatype: 'FP32', shape: [-1, 1, 28, 28] } as const;
    const rows = inputRows([spec], new Map([['image', await readNpy(smallCnn('inputs.npy'))]]));
    // One, two or three rows each.
    images = Array.from({ length: 60 }, (_, i) => rows.batch(3 * i, 3 * i + 1 + (i % 3)));
    ({ taustat } = await serving({ control: { mode: 'fixed', threshold: 0.1 }, sampling: { ratio: 1 } }));
  });
  afterAll(() => taustat.close());

  const ask = (inputs: readonly Tensor[], pruning?: 'off') =>
    taustat.infer({ inputs, parameters: pruning === undefined ? {} : { pruning } });

  it('answers dense requests together as it answers them alone', async () => {
    const solo: InferResponse[] = [];
    for (const inputs of images) solo.push(await ask(inputs, 'off'));
    for (let round = 0; round < 3; round++) {
      const together = await Promise.all(images.map((inputs) => ask(inputs, 'off')));
      for (const [i, answer] of together.entries()) {
        expect(answer.outputs[0]!.shape).toEqual(solo[i]!.outputs[0]!.shape);
        const expected = logitsOf(solo[i]!);
        for (const [k, logit] of logitsOf(answer).entries()) expect(logit).toBeCloseTo(expected[k]!, 4);
      }
    }
  });

  it('answers pruned and dense requests at once, each at its own threshold', async () => {
    const answers = await Promise.all(
      images.map((inputs, i) => ask(inputs, i % 2 === 0 ? 'off' : undefined)),
    );
    expect(answers.map(({ parameters }) => parameters.threshold)).toEqual(
      images.map((_, i) => (i % 2 === 0 ? 0 : 0.1)),
    );
  });

  it('counts runs apart from requests, and samples each request', async () => {
    const { body } = await taustat.metrics();
    const sample = (start: string) => Number(new RegExp(`^${start}[^ ]* (.*)$`, 'm').exec(body)![1]);
    const runs = sample('taustat_batch_requests_count');
    const requests = sample('taustat_requests_total');
    expect(requests).toBe(5 * images.length);
    expect(sample('taustat_batch_requests_sum')).toBe(requests);
    expect(runs).toBeLessThan(requests);
    const sampled = [...body.matchAll(/^taustat_shadow_runs_total\{.*\} (\d+)$/gm)];
    expect(sampled.reduce((sum, [, count]) => sum + Number(count), 0)).toBeGreaterThan(requests / 2);
    const stats = await taustat.routes.request(`/v2/models/${SMALL_NAME}/stats`);
    const { model_stats } = (await stats.json()) as { model_stats: ModelStats[] };
    const { execution_count: executions, inference_count, inference_stats, batch_stats } = model_stats[0]!;
    expect(inference_stats.success.count).toBe(requests);
    expect(executions).toBe(runs);
    const sizes = batch_stats.map(
      ({ batch_size, compute_infer }) => [batch_size, compute_infer.count] as const,
    );
    expect(sizes.reduce((sum, [, count]) => sum + count, 0)).toBe(executions);
    expect(sizes.reduce((sum, [rows, count]) => sum + rows * count, 0)).toBe(inference_count);
    expect(sizes.some(([rows]) => rows > 1)).toBe(true);
    for (const { compute_infer } of batch_stats) expect(compute_infer.ns).toBeGreaterThan(0);
  });
});

describe('batching of other models', () => {
  let folder = '';
  const open: Taustat[] = [];
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'taustat-batching-'));
  });
  afterAll(async () => {
    await Promise.all(open.map((taustat) => taustat.close()));
    await rm(folder, { recursive: true });
  });

  async function served(name: string, proto: Parameters<typeof encodeModel>[0]) {
    const path = join(folder, `${name}.onnx`);
    await writeFile(path, encodeModel(proto));
    const server = await serving({ model: { path } });
    open.push(server.taustat);
    return server;
  }

  it('carries text, too', async () => {
    const { taustat } = await served(
      'words',
      model({
        nodes: [node('Identity', ['x'], 'y')],
        inputs: [value('x', ['N', 2], STRING)],
        outputs: [value('y', ['N', 2], STRING)],
      }),
    );
    const words = Array.from({ length: 40 }, (_, i) => [`a${i}`, 'é'.repeat(i)].map((w) => Buffer.from(w)));
    const answers = await Promise.all(
      words.map((elements) =>
        taustat.infer({
          inputs: [{ name: 'x', datatype: 'BYTES', shape: [1, 2], elements }],
          parameters: {},
        }),
      ),
    );
    for (const [i, { outputs }] of answers.entries())
      expect((outputs[0]!.elements as Uint8Array[]).map((w) => Buffer.from(w))).toEqual(words[i]);
    expect((await taustat.metrics()).body).toMatch(/taustat_batch_requests_bucket\{le="8".*\} \d+/);
  });

  it('never batches a model of a fixed batch, and says so', async () => {
    const { taustat, logged } = await served(
      'fixed',
      model({
        nodes: [node('Identity', ['x'], 'y')],
        inputs: [value('x', [1, 4])],
        outputs: [value('y', [1, 4])],
      }),
    );
    const reason = "dimension 0 of 'x' is not variable: shape [1,4]";
    expect(logged).toContainEqual(expect.objectContaining({ msg: 'requests are never batched', reason }));
    const input: Tensor = {
      name: 'x',
      datatype: 'FP32',
      shape: [1, 4],
      elements: Float32Array.of(1, 2, 3, 4),
    };
    const { outputs } = await taustat.infer({ inputs: [input], parameters: {} });
    expect(outputs[0]!.elements).toEqual(input.elements);
  });

  it('never batches a model whose rows depend on one another, and says so', async () => {
    const { taustat, logged } = await served(
      'softmax over the batch',
      model({
        nodes: [node('Softmax', ['x'], 'y', { axis: 0n })],
        inputs: [value('x', ['N', 4])],
        outputs: [value('y', ['N', 4])],
      }),
    );
    const input: Tensor = {
      name: 'x',
      datatype: 'FP32',
      shape: [1, 4],
      elements: Float32Array.of(1, 2, 3, 4),
    };
    for (let round = 0; round < 3; round++) {
      const answers = await Promise.all(
        Array.from({ length: 20 }, () => taustat.infer({ inputs: [input], parameters: {} })),
      );
      for (const { outputs } of answers) expect(outputs[0]!.elements).toEqual(Float32Array.of(1, 1, 1, 1));
    }
    const reason = "rows can meet at Softmax 'y': works over the axis of the rows";
    expect(logged).toContainEqual(expect.objectContaining({ msg: 'requests are never batched', reason }));
  });
});
