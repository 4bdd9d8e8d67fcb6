import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ModelProto, NodeProto, TensorProto, ValueInfoProto } from 'onnx-buf';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { ConfigInput } from '../../../src/config/schema.ts';
import { xorshift } from '../../../src/drift/xorshift.ts';
import { createTaustat } from '../../../src/index.ts';
import type { Taustat } from '../../../src/taustat.ts';
import { model, node, tensor, value } from '../../onnx/models.ts';
import { bytesOf } from '../../runtime/small-models.ts';

const IN = 8;
const HIDDEN = 24;
const OUT = 4;

/** Normally distributed numbers. */
function normal(count: number, deviation: number, seed: number): number[] {
  const random = xorshift(seed);
  return Array.from(
    { length: count },
    () => deviation * Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random()),
  );
}

interface Tail {
  readonly nodes: readonly NodeProto[];
  readonly outputs: readonly ValueInfoProto[];
  readonly initializers?: readonly TensorProto[];
}

/** Relu(x · A) · B = z [N, 4], and what comes after it. */
function network({ nodes, outputs, initializers = [] }: Tail): ModelProto {
  return model({
    nodes: [
      node('MatMul', ['x', 'a'], 'h'),
      node('Relu', ['h'], 'r'),
      node('MatMul', ['r', 'b'], 'z'),
      ...nodes,
    ],
    inputs: [value('x', ['N', IN])],
    outputs,
    initializers: [
      tensor('a', [IN, HIDDEN], normal(IN * HIDDEN, 1, 1)),
      tensor('b', [HIDDEN, OUT], normal(HIDDEN * OUT, 1, 2)),
      ...initializers,
    ],
  });
}

const y = [value('y', ['N', OUT])];
const NORMALIZED = node('LpNormalization', ['z'], 'y', { axis: -1n, p: 2n });
const MODELS = {
  logits: network({ nodes: [node('Identity', ['z'], 'y')], outputs: y }),
  softmax: network({ nodes: [node('Softmax', ['z'], 'y')], outputs: y }),
  embedding: network({ nodes: [NORMALIZED], outputs: y }),
  labels: network({ nodes: [node('Sigmoid', ['z'], 'y')], outputs: y }),
  boxes: network({
    nodes: [node('Add', ['z', 'place'], 'y')],
    outputs: y,
    initializers: [tensor('place', [OUT], [300, 300, 400, 400])],
  }),
  two: network({
    nodes: [NORMALIZED, node('Softmax', ['z'], 'p')],
    outputs: [...y, value('p', ['N', OUT])],
  }),
  still: network({
    nodes: [node('MatMul', ['x', 'c'], 's'), node('Mul', ['z', 'small'], 't'), node('Add', ['s', 't'], 'y')],
    outputs: y,
    initializers: [tensor('c', [IN, OUT], normal(IN * OUT, 2, 3)), tensor('small', [], [1e-6])],
  }),
};

interface Told {
  readonly state: string;
  readonly change: { readonly reason: string; readonly detail: string };
  readonly objective: {
    readonly measure: string;
    readonly vacuous: boolean | null;
    readonly reason: string | null;
    readonly outputs: readonly { readonly name: string; readonly kind: string; readonly measure: string }[];
  };
}

let folder: string;
let taustat: Taustat;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'judged-'));
  for (const [name, proto] of Object.entries(MODELS))
    await writeFile(join(folder, `${name}.onnx`), bytesOf(proto));
});
afterAll(() => rm(folder, { recursive: true }));
afterEach(() => taustat.close());

async function report(): Promise<Told> {
  return (await (await taustat.routes.request(`/v2/models/${taustat.model}/pruning`)).json()) as Told;
}

/** Serves so many requests that the objective is decided, and returns what the server says then. */
async function decided(name: keyof typeof MODELS, agreement: ConfigInput['agreement'] = {}): Promise<Told> {
  taustat = await createTaustat({
    model: { path: join(folder, `${name}.onnx`) },
    sites: { include: ['r'] },
    sampling: { ratio: 1, budget: 1 },
    window: { slices: 8, sliceSamples: 8, minSamples: 48, every: 8 },
    agreement,
    telemetry: { logLevel: 'silent' },
  });
  const first = await report();
  expect(first.objective).toMatchObject({ vacuous: null, outputs: [] });
  for (let i = 0; i < 400; i++) {
    const elements = Float32Array.from(normal(IN, 1, 100 + i));
    const inputs = [{ name: 'x', datatype: 'FP32' as const, shape: [1, IN], elements }];
    const { parameters } = await taustat.infer({ id: `${i}`, parameters: {}, inputs });
    const told = await report();
    if (told.objective.vacuous === null) expect(parameters).toEqual({ threshold: 0 });
    if (told.objective.vacuous !== null && told.state !== 'warming') return told;
  }
  return report();
}

describe('answers are judged by what they are', () => {
  it.each([
    ['logits', 'class scores', 'margin'],
    ['softmax', 'class probabilities', 'margin'],
    ['embedding', 'unit vectors', 'cosine'],
    ['labels', 'labels of their own', 'spread'],
    ['boxes', 'values', 'spread'],
  ] as const)('%s: %s by %s', async (name, kind, measure) => {
    const { objective, state } = await decided(name);
    expect(objective).toMatchObject({ measure, vacuous: false, reason: null });
    expect(objective.outputs).toEqual([expect.objectContaining({ name: 'y', kind, measure })]);
    expect(state).toBe('trial');
  });

  it('each of two outputs by its own', async () => {
    const { objective } = await decided('two');
    expect(objective).toMatchObject({ measure: 'cosine, margin', vacuous: false });
  });

  it('the one that is named alone', async () => {
    const { objective } = await decided('two', { output: 'p' });
    expect(objective.outputs).toMatchObject([{ name: 'p', measure: 'margin' }]);
  });
});

describe('answers that cannot be judged are dense', () => {
  it('where class scores are asked for and there are none', async () => {
    const { objective, state, change } = await decided('embedding', { measure: 'margin', floor: 0.97 });
    expect(objective).toMatchObject({ measure: 'margin', vacuous: true });
    expect([state, change.reason]).toEqual(['featureless', 'vacuous']);
    expect(change.detail).toMatch(/^dense: measure margin sees too little of output 'y': another request's/);
  });

  it('unless whoever insists says so', async () => {
    const insisting = { measure: 'margin', floor: 0.97, allowVacuous: true } as const;
    const { objective, state } = await decided('embedding', insisting);
    expect(objective).toMatchObject({ measure: 'margin', vacuous: true });
    expect(state).toBe('trial');
  });

  it('where no candidate can be refuted', async () => {
    const { objective, state, change } = await decided('still');
    expect(objective.reason).toMatch(/the highest candidate loses 0.000 on 16 requests/);
    expect([state, change.reason]).toEqual(['featureless', 'vacuous']);
  });
});
