import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { xorshift } from '../../../src/drift/xorshift.ts';
import { createTaustat } from '../../../src/index.ts';
import { encodeModel } from '../../../src/onnx/model-file.ts';
import { analyze } from '../../../src/tools/analyze/analyze.ts';
import { halfNormal } from '../../criticality/samples.ts';
import { model, node, tensor, value } from '../../onnx/models.ts';
import { until } from '../../transport/http/until.ts';

/** The parts of the report that are looked at. */
interface PruningReport {
  readonly state: string;
  readonly threshold: number;
  readonly critical: unknown;
  readonly features: readonly { readonly kind: string }[];
  readonly change: { readonly detail: string };
}

const WIDTH = 4096;
const ROWS = 64;

/** x → HardSwish, written out → y: eight class scores. */
const source = model({
  nodes: [
    node('Add', ['x', 'three'], 'a'),
    node('Clip', ['a', 'zero', 'six'], 'c'),
    node('Mul', ['x', 'c'], 'm'),
    node('Div', ['m', 'six'], 'h', {}, { name: 'act' }),
    node('MatMul', ['h', 'w'], 'l'),
    node('Softmax', ['l'], 'y'),
  ],
  inputs: [value('x', ['N', WIDTH])],
  outputs: [value('y', ['N', 8])],
  initializers: [
    tensor(
      'w',
      [WIDTH, 8],
      Array.from({ length: 8 * WIDTH }, (_, i) => Math.sin(i * i) / 8),
    ),
    ...Object.entries({ zero: 0, three: 3, six: 6 }).map(([name, constant]) => tensor(name, [], [constant])),
  ],
});

const random = xorshift(5);
const rows = Float32Array.from(
  { length: ROWS * WIDTH },
  () => (random() < 0.5 ? 2 : -2) * halfNormal(random),
);

describe('a network whose F shows only a pole of HardSwish', () => {
  it('is analyzed as one without a critical point, and the pole is told', async () => {
    const path = await saved();
    const inputs = { x: { path: 'memory', shape: [ROWS, WIDTH], dtype: 'f4', elements: rows } };
    const { features, critical, full } = await analyze({ model: path, inputs, full: true, workers: 1 });
    expect(features.map(({ kind }) => kind)).toEqual(['pole']);
    expect(Math.abs(features[0]!.threshold / 0.375 - 1)).toBeLessThan(0.2);
    expect(critical).toBeNull();
    expect(full!.features.map(({ kind }) => kind)).toEqual(['pole']);
    await rm(path);
  });

  it('is served dense by the policy earliest; report and history name the pole', async () => {
    const path = await saved();
    const taustat = await createTaustat({
      model: { path, name: 'swish' },
      sampling: { ratio: 1, budget: 1 },
      window: { slices: 8, sliceSamples: 4, minSamples: 32, every: 4 },
      control: { policy: 'earliest' },
      telemetry: { logLevel: 'silent' },
    });
    const pruning = async (): Promise<PruningReport> =>
      (await (await taustat.routes.request('/v2/models/swish/pruning')).json()) as PruningReport;
    let sent = 0;
    await until(async () => {
      const at = (sent++ % ROWS) * WIDTH;
      const elements = rows.subarray(at, at + WIDTH);
      await taustat.infer({ inputs: [{ name: 'x', datatype: 'FP32', shape: [1, WIDTH], elements }] });
      const { state, features } = await pruning();
      return state === 'featureless' && features.length > 0;
    });
    const { features, critical, change, threshold } = await pruning();
    expect(features.map(({ kind }) => kind)).toEqual(['pole']);
    expect([critical, threshold]).toEqual([null, 0]);
    expect(change.detail).toMatch(
      /^the free energy shows no significant feature but the pole .* τ = 0\.[34]/,
    );
    await taustat.close();
    await rm(path);
  });
});

async function saved(): Promise<string> {
  const path = join(await mkdtemp(join(tmpdir(), 'taustat-poles-')), 'swish.onnx');
  await writeFile(path, encodeModel(source));
  return path;
}
