import { TensorProto_DataType } from 'onnx-buf';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ServingError } from '../../src/config/errors.ts';
import { type CallRequest, createTaustat, type Taustat } from '../../src/index.ts';
import { INT64 } from '../onnx/models.ts';
import { identity, perceptron, perceptronInput, perceptronReference } from '../runtime/small-models.ts';
import { RepositoryLab } from './repository/repository-lab.ts';

let lab: RepositoryLab;
let taustat: Taustat;
beforeAll(async () => {
  lab = await RepositoryLab.open(
    { 'm/1': perceptron(), 'text/1': identity(TensorProto_DataType.STRING), 'whole/1': identity(INT64) },
    { control: { mode: 'off' }, server: { maxBatch: 4 } },
  );
  taustat = lab.taustat;
});
afterAll(() => lab.close());

const { elements } = perceptronInput(2);
const values = [...(elements as Float32Array)];
const { y } = perceptronReference(values);

describe('infer() of the library', () => {
  it.each([
    ['a typed array', elements],
    ['numbers', values],
    ['floats of another size', Float64Array.from(values)],
  ])('takes %s, with the datatype and the shape of the model', async (_what, given) => {
    const answer = await taustat.infer({ inputs: [{ name: 'x', elements: given }] });
    expect(answer).toEqual({
      modelName: 'm',
      modelVersion: '1',
      parameters: { threshold: 0 },
      outputs: [{ name: 'y', datatype: 'FP32', shape: [2, 3], elements: Float32Array.from(y) }],
    });
  });

  it('takes what a tensor says, an id, outputs by name and parameters', async () => {
    const answer = await taustat.infer({
      id: 'one',
      parameters: { pruning: 'off' },
      inputs: [perceptronInput(2)],
      outputs: ['y'],
    });
    expect(answer.id).toBe('one');
    const classes = await taustat.infer({
      inputs: [perceptronInput(2)],
      outputs: [{ name: 'y', parameters: { classification: 1 } }],
    });
    expect(classes.outputs[0]).toMatchObject({ datatype: 'BYTES', shape: [2, 1] });
  });

  it('takes strings and integers of 64 bits, exactly', async () => {
    const text = await taustat.infer({ inputs: [{ name: 'x', elements: ['ä', 'b'] }] }, { model: 'text' });
    expect(
      (text.outputs[0]!.elements as readonly Uint8Array[]).map((b) => Buffer.from(b).toString()),
    ).toEqual(['ä', 'b']);
    const most = 2n ** 63n - 1n;
    const whole = await taustat.infer({ inputs: [{ name: 'x', elements: [most, -1] }] }, { model: 'whole' });
    expect(whole.outputs[0]!.elements).toEqual(BigInt64Array.of(most, -1n));
  });

  const wrong: readonly (readonly [string, unknown, string])[] = [
    ['nothing', undefined, 'request: expected an object'],
    ['no inputs', {}, "request: 'inputs' must be a non-empty array"],
    ['an input without a name', { inputs: [{ elements: [1] }] }, "input: 'name' must be a non-empty string"],
    [
      'an unknown input',
      { inputs: [{ name: 'z', elements: [] }] },
      "unexpected input 'z': model 'm' takes 'x'",
    ],
    ['no elements', { inputs: [{ name: 'x' }] }, "input 'x': 'elements' must be a typed array or an array"],
    [
      'too few',
      { inputs: [{ name: 'x', elements: [1, 2, 3] }] },
      "input 'x': 3 elements do not fill shape [-1,4]",
    ],
    [
      'a shape of another size',
      { inputs: [{ name: 'x', shape: [2, 4], elements: [1] }] },
      "input 'x': 1 elements, shape [2,4] needs 8",
    ],
    [
      'text',
      { inputs: [{ name: 'x', elements: ['a', 1, 2, 3] }] },
      "input 'x': element 0 is 'a', which is no FP32",
    ],
    [
      'another datatype',
      { inputs: [{ name: 'x', datatype: 'INT8', elements: [1, 2, 3, 4] }] },
      "input 'x': unexpected datatype 'INT8', expected FP32",
    ],
    ['an id', { id: 3, inputs: [perceptronInput(1)] }, "request: 'id' must be a string"],
    [
      'parameters',
      { parameters: 3, inputs: [perceptronInput(1)] },
      "request: 'parameters' must be an object",
    ],
    [
      'a value of one',
      { parameters: { pruning: 'maybe' }, inputs: [perceptronInput(1)] },
      "request: parameter 'pruning' must be 'on', 'off' or a boolean",
    ],
    [
      'an unknown output',
      { inputs: [perceptronInput(1)], outputs: ['z'] },
      "unexpected output 'z': model 'm' gives 'y'",
    ],
  ];
  it.each(wrong)('refuses %s with a ServingError', async (_what, request, message) => {
    const refused = await taustat.infer(request as CallRequest).catch((error: unknown) => error);
    expect(refused).toBeInstanceOf(ServingError);
    expect(refused).toMatchObject({ code: 'INVALID_REQUEST', message });
  });

  it('has the bounds and the versions of every transport', async () => {
    await expect(taustat.infer({ inputs: [perceptronInput(5)] })).rejects.toThrow('the maximum is 4');
    const inputs = [perceptronInput(1)];
    await expect(taustat.infer({ inputs }, { version: 'two' })).rejects.toMatchObject({
      code: 'UNKNOWN_MODEL',
    });
    expect((await taustat.infer({ inputs }, { version: '01' })).modelVersion).toBe('1');
    await expect(
      taustat.infer({ inputs: [{ name: 'x', elements: [2n ** 63n] }] }, { model: 'whole' }),
    ).rejects.toMatchObject({ code: 'INVALID_REQUEST' });
  });

  it('of a server that is closed is unavailable', async () => {
    const other = await createTaustat({ telemetry: { logLevel: 'silent' } });
    await other.close();
    const refused = await other.infer({ inputs: [] }).catch((error: unknown) => error);
    expect(refused).toBeInstanceOf(ServingError);
  });
});
