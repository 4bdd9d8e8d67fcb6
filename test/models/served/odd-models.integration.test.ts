import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ModelProto } from 'onnx-buf';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createTaustat, type Taustat } from '../../../src/index.ts';
import { encodeModel } from '../../../src/onnx/model-file.ts';
import { FLOAT, INT64, model, node, value } from '../../onnx/models.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'taustat-'));
});
afterAll(() => rm(folder, { recursive: true }));

async function serving<T>(
  name: string,
  source: ModelProto,
  use: (taustat: Taustat) => Promise<T>,
): Promise<T> {
  const path = join(folder, `${name}.onnx`);
  await writeFile(path, encodeModel(source));
  const taustat = await createTaustat({
    model: { path },
    sampling: { ratio: 1, budget: 1 },
    telemetry: { logLevel: 'silent' },
  });
  try {
    return await use(taustat);
  } finally {
    await taustat.close();
  }
}

const post = (taustat: Taustat, body: unknown) =>
  taustat.routes.request(`/v2/models/${taustat.model}/infer`, { method: 'POST', body: JSON.stringify(body) });
const input = (datatype: string, shape: number[], data: unknown[]) => ({
  inputs: [{ name: 'x', shape, datatype, data }],
});

describe('a model without a gateable site', () => {
  it('is served dense and says why', async () => {
    const source = model({
      nodes: [node('Relu', ['x'], 'y')],
      inputs: [value('x', ['N', 2], FLOAT)],
      outputs: [value('y', ['N', 2], FLOAT)],
    });
    await serving('no-site', source, async (taustat) => {
      const answer = (await (await post(taustat, input('FP32', [1, 2], [-1, 3]))).json()) as {
        outputs: { data: number[] }[];
      };
      expect(answer.outputs[0]!.data).toEqual([0, 3]);
      const report = (await (await taustat.routes.request('/v2/models/no-site/pruning')).json()) as {
        threshold: number;
        sites: unknown[];
        skipped: { reason: string }[];
      };
      expect([report.threshold, report.sites]).toEqual([0, []]);
      expect(report.skipped[0]!.reason).toMatch(/output/);
    });
  });
});

describe('a model of integers only', () => {
  it('is served, exact beyond 2^53', async () => {
    const source = model({
      nodes: [node('Add', ['x', 'x'], 'y')],
      inputs: [value('x', ['N'], INT64)],
      outputs: [value('y', ['N'], INT64)],
    });
    await serving('integers', source, async (taustat) => {
      const body = '{"inputs":[{"name":"x","shape":[1],"datatype":"INT64","data":[4503599627370497]}]}';
      const response = await taustat.routes.request('/v2/models/integers/infer', { method: 'POST', body });
      expect(await response.text()).toContain('"data":[9007199254740994]');
    });
  });
});

describe('inputs that the model refuses although they fit its signature', () => {
  it('are a 400 with the reason, and the server lives on', async () => {
    const source = model({
      nodes: [node('Add', ['x', 'z'], 'y')],
      inputs: [value('x', ['N'], FLOAT), value('z', ['M'], FLOAT)],
      outputs: [value('y', ['K'], FLOAT)],
    });
    await serving('clash', source, async (taustat) => {
      const both = (n: number, m: number) => ({
        inputs: [
          { name: 'x', shape: [n], datatype: 'FP32', data: new Array(n).fill(1) },
          { name: 'z', shape: [m], datatype: 'FP32', data: new Array(m).fill(2) },
        ],
      });
      const refused = await post(taustat, both(2, 3));
      expect(refused.status).toBe(400);
      expect(((await refused.json()) as { error: string }).error).toMatch(/^the model refused the inputs: /);
      expect((await post(taustat, both(2, 2))).status).toBe(200);
      expect((await taustat.routes.request('/v2/health/ready')).status).toBe(200);
    });
  });
});

describe('what is no model', () => {
  it('does not start', async () => {
    await expect(createTaustat({ model: { path: join(folder, 'absent.onnx') } })).rejects.toMatchObject({
      code: 'FILE_NOT_FOUND',
    });
    const path = join(folder, 'broken.onnx');
    await writeFile(path, 'broken');
    await expect(createTaustat({ model: { path } })).rejects.toMatchObject({ code: 'MODEL_INVALID' });
    // A whole ONNX file that ONNX Runtime cannot open.
    await writeFile(
      path,
      encodeModel(
        model({
          nodes: [node('NoSuchOp', ['x'], 'y')],
          inputs: [value('x', [1], FLOAT)],
          outputs: [value('y', [1], FLOAT)],
        }),
      ),
    );
    await expect(createTaustat({ model: { path }, telemetry: { logLevel: 'silent' } })).rejects.toMatchObject(
      { code: 'MODEL_INVALID' },
    );
  });
});
