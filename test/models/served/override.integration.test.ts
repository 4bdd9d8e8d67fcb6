import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { credentials } from '@grpc/grpc-js';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { instrument } from '../../../src/onnx/instrument.ts';
import { decodeModel } from '../../../src/onnx/model-file.ts';
import { overridableInputs } from '../../../src/onnx/overridable.ts';
import { unary } from '../../transport/grpc/calls.ts';
import { OracleClient } from '../../transport/grpc/oracle.ts';
import { RepositoryLab } from '../repository/repository-lab.ts';

/** y = Relu((x · A) ⊙ gain) · B, with `gain` an initializer that is also an input. */
const FILE = fileURLToPath(new URL('override.onnx', import.meta.url));
const ROWS = [1, 2].map((row) => Array.from({ length: 16 }, (_, i) => ((i * 7 + row) % 5) - 2));

let lab: RepositoryLab;
let gain: { readonly name: string; readonly datatype: string; readonly shape: readonly number[] };

beforeAll(async () => {
  lab = await RepositoryLab.open(
    { 'm/1': decodeModel(await readFile(FILE)) },
    {
      control: { mode: 'fixed', threshold: 0.2 },
      batching: { maxBatch: 8, maxDelayMs: 5 },
      // However busy the machine is, nothing is refused.
      runtime: { maxQueue: 1000, maxQueueMs: 60_000 },
    },
  );
  gain = (await lab.ask('GET', '/v2/models/m')).body.optional_inputs[0];
});
afterAll(() => lab.close());

const x = (rows: readonly (readonly number[])[]) => ({
  name: 'x',
  datatype: 'FP32',
  shape: [rows.length, 16],
  data: rows.flat(),
});
const size = () => gain.shape.reduce((product, dimension) => product * dimension, 1);
const scaled = (factor: number) => ({ ...gain, data: new Array<number>(size()).fill(factor) });

async function infer(inputs: readonly object[], parameters = {}) {
  const { status, body } = await lab.ask('POST', '/v2/models/m/infer', { inputs, parameters });
  return { status, error: body.error, parameters: body.parameters, y: body.outputs?.[0].data as number[] };
}

describe('an initializer that is also an input', () => {
  it('is told apart in metadata and configuration', async () => {
    const { body: metadata } = await lab.ask('GET', '/v2/models/m');
    expect(metadata.inputs.map(({ name }: { name: string }) => name)).toEqual(['x']);
    expect(gain.name).toBe('gain');
    const { body: config } = await lab.ask('GET', '/v2/models/m/config');
    expect(config.input).toMatchObject([
      { name: 'x', optional: false },
      { name: 'gain', optional: true, dims: gain.shape },
    ]);
  });

  it('has its own value unless the request brings another, in whatever order, pruned or not', async () => {
    const plain = await infer([x(ROWS)], { pruning: 'off' });
    const pruned = await infer([x(ROWS)]);
    expect(pruned.parameters.threshold).toBe(0.2);
    const zero = await infer([scaled(0), x(ROWS)]);
    expect(zero).toMatchObject({ status: 200, parameters: { threshold: 0 } });
    expect(zero.y).toEqual(plain.y.map(() => 0));
    const [once, twice] = [await infer([x(ROWS), scaled(1)]), await infer([scaled(2), x(ROWS)])];
    for (const [i, value] of once.y.entries()) expect(twice.y[i]).toBeCloseTo(2 * value, 4);
    expect(once.y.some((value) => value !== 0)).toBe(true);
    expect((await infer([x(ROWS)], { pruning: 'off' })).y).toEqual(plain.y);
  });

  it('is checked like any input, and never enough alone', async () => {
    const wrong = await infer([x(ROWS), { ...scaled(1), datatype: 'INT32' }]);
    expect([wrong.status, wrong.error]).toEqual([400, expect.stringContaining("input 'gain'")]);
    expect(await infer([scaled(1)])).toMatchObject({
      status: 400,
      error: "missing input 'x': model 'm' takes 'x'",
    });
    expect((await infer([x(ROWS), { ...scaled(1), name: 'other' }])).error).toBe(
      "unexpected input 'other': model 'm' takes 'x', 'gain'",
    );
  });

  it('keeps to its own request where requests share runs', async () => {
    const expected = [(await infer([x([ROWS[0]!])], { pruning: 'off' })).y, new Array(4).fill(0)];
    const answers = await Promise.all(
      Array.from({ length: 24 }, (_, i) =>
        infer([x([ROWS[0]!]), ...(i % 2 === 1 ? [scaled(0)] : [])], { pruning: 'off' }),
      ),
    );
    for (const [i, { y }] of answers.entries())
      for (const [k, value] of y.entries()) expect(value).toBeCloseTo(expected[i % 2]![k]!, 4);
  });

  it('is an optional input over gRPC, too', async () => {
    const grpc = await lab.taustat.listenGrpc({ port: 0 });
    const client = new OracleClient(grpc.address, credentials.createInsecure());
    const typed = ({ data, ...rest }: ReturnType<typeof x>) => ({
      ...rest,
      contents: { fp32_contents: data },
    });
    const ask = (inputs: readonly object[]) => unary(client, 'ModelInfer', { model_name: 'm', inputs });
    const { outputs } = await ask([typed(scaled(0) as never), typed(x(ROWS))]);
    expect(outputs[0].contents.fp32_contents.every((value: number) => value === 0)).toBe(true);
    expect((await ask([typed(x(ROWS))])).outputs[0].contents.fp32_contents.some(Boolean)).toBe(true);
    client.close();
    await grpc.stop(0);
  });
});

it('stays an input with a default in an instrumented model', async () => {
  const model = decodeModel(await readFile(FILE));
  const { bytes, sites } = instrument(model);
  expect(sites.length).toBeGreaterThan(0);
  const { graph, irVersion } = decodeModel(bytes);
  expect(overridableInputs({ irVersion, graph: graph! } as never)).toEqual(['gain']);
  expect(graph!.input.map(({ name }) => name)).toContain('gain');
});

it('is a constant in a model of IR version 3, which lists every weight', async () => {
  const model = decodeModel(await readFile(FILE));
  expect(overridableInputs({ ...model, graph: model.graph!, irVersion: 3n })).toEqual([]);
});
