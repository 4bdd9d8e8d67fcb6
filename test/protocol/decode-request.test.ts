import { describe, expect, it } from 'vitest';
import { decodeInferRequest } from '../../src/protocol/decode-request.ts';
import { MAX_STRINGS } from '../../src/protocol/shape.ts';
import type { TensorSpec } from '../../src/protocol/types.ts';
import { bytesOf, decodeText, modelOf, refusal } from './encoding.ts';

const X: TensorSpec = { name: 'x', datatype: 'FP32', shape: [-1, 2] };

function requestText(
  extra: Readonly<Record<string, unknown>> = {},
  input: Readonly<Record<string, unknown>> = {},
) {
  return JSON.stringify({
    ...extra,
    inputs: [{ name: 'x', shape: [1, 2], datatype: 'FP32', data: [1, 2], ...input }],
  });
}

describe('reserved and special parameters', () => {
  it.each<[string, unknown, string | undefined]>([
    ['sequence_id', 7, undefined],
    ['sequence_id', 'seven', undefined],
    ['sequence_id', true, 'a string or a non-negative integer'],
    ['sequence_start', true, undefined],
    ['sequence_start', 1, 'a boolean'],
    ['sequence_end', 'no', 'a boolean'],
    ['priority', 0, undefined],
    ['priority', -1, 'a non-negative integer'],
    ['timeout', 250_000, undefined],
    ['timeout', 1.5, 'a non-negative integer of microseconds'],
    ['timeout', '1', 'a non-negative integer of microseconds'],
    ['binary_data_output', 1, 'a boolean'],
    ['triton_enable_empty_final_response', true, 'reserved'],
    ['triton_', 1, 'reserved'],
    ['headers', 'x', 'reserved'],
    ['pruning', 'off', undefined],
    ['anything', 0.5, undefined],
    ['__proto__', 1, undefined],
    ['constructor', 'x', undefined],
  ])('case 55: %s = %j', (name, value, refused) => {
    const text = requestText().replace('{', `{"parameters":{"${name}":${JSON.stringify(value)}},`);
    if (refused === undefined) {
      const { parameters } = decodeText(text, modelOf(X));
      expect(Object.entries(parameters)).toEqual([[name, value]]);
    } else {
      const message = refusal(() => decodeText(text, modelOf(X)));
      expect(message).toContain(`parameter '${name}'`);
      expect(message).toContain(refused);
    }
  });

  it.each<[unknown, string]>([
    [{ a: null }, "request: parameter 'a' must be a string, a number or a boolean"],
    [{ a: [1] }, "request: parameter 'a' must be a string, a number or a boolean"],
    [{ a: {} }, "request: parameter 'a' must be a string, a number or a boolean"],
    [[], "request: 'parameters' must be an object"],
    [null, "request: 'parameters' must be an object"],
    [{ shared_memory_region: 'r' }, 'request: shared memory is not supported'],
  ])('case 54: refuses %j', (parameters, message) => {
    expect(refusal(() => decodeText(requestText({ parameters }), modelOf(X)))).toBe(message);
  });

  it('refuses what is only understood elsewhere', () => {
    const shared = { parameters: { shared_memory_region: 'r' } };
    expect(refusal(() => decodeText(requestText({}, shared), modelOf(X)))).toBe(
      "input 'x': shared memory is not supported",
    );
  });

  it('has no parameters at all where the request has none', () => {
    expect('toString' in decodeText(requestText(), modelOf(X)).parameters).toBe(false);
  });
});

describe('batches', () => {
  const named = (name: string, axes: readonly (string | undefined)[]): TensorSpec => ({
    ...X,
    name,
    dimensionNames: axes,
  });
  const pair = (a: number, b: number) =>
    JSON.stringify({
      inputs: [
        { name: 'a', shape: [a, 2], datatype: 'FP32', data: Array(2 * a).fill(0) },
        { name: 'b', shape: [b, 2], datatype: 'FP32', data: Array(2 * b).fill(0) },
      ],
    });

  it('case 35: refuses a batch over the maximum, and takes the maximum', () => {
    const text = (rows: number) => requestText({}, { shape: [rows, 2], data: Array(2 * rows).fill(0) });
    expect(decodeText(text(3), modelOf(X), 3).inputs[0]!.shape).toEqual([3, 2]);
    expect(refusal(() => decodeText(text(4), modelOf(X), 3))).toBe(
      "input 'x': batch of 4 in shape [4,2], the maximum is 3",
    );
    expect(decodeText(text(4), modelOf(X)).inputs[0]!.shape).toEqual([4, 2]);
  });

  it('case 36: refuses inputs of different batch sizes', () => {
    const model = modelOf({ ...X, name: 'a' }, { ...X, name: 'b' });
    expect(refusal(() => decodeText(pair(2, 3), model, 8))).toBe(
      "input 'b': dimension 0 (batch) is 3, input 'a' has 2",
    );
    expect(decodeText(pair(2, 3), model).inputs).toHaveLength(2);
  });

  it('case 36: refuses different sizes of one named dimension, without any configured batch', () => {
    const model = modelOf(named('a', ['N', undefined]), named('b', ['N', undefined]));
    expect(refusal(() => decodeText(pair(1, 2), model))).toBe(
      "input 'b': dimension 0 (N) is 2, input 'a' has 1",
    );
    expect(decodeText(pair(2, 2), model).inputs).toHaveLength(2);
    const apart = modelOf(named('a', ['N', undefined]), named('b', ['M', undefined]));
    expect(decodeText(pair(1, 2), apart).inputs).toHaveLength(2);
  });

  it('leaves a fixed first dimension alone', () => {
    const model = modelOf({ ...X, shape: [2, 2] });
    const text = requestText({}, { shape: [2, 2], data: [1, 2, 3, 4] });
    expect(decodeText(text, model, 1).inputs[0]!.shape).toEqual([2, 2]);
  });
});

describe('a raw request', () => {
  const raw = (spec: Partial<TensorSpec>, body: Uint8Array) =>
    decodeInferRequest(body, 0, modelOf({ ...X, ...spec }));

  it('case 59: deduces one variable dimension and asks for binary outputs', () => {
    const request = raw({}, new Uint8Array(Float32Array.of(1, 2, 3, 4, 5, 6).buffer));
    expect(request.inputs[0]).toMatchObject({ name: 'x', datatype: 'FP32', shape: [3, 2] });
    expect(Array.from(request.inputs[0]!.elements as Float32Array)).toEqual([1, 2, 3, 4, 5, 6]);
    expect(request.parameters).toEqual({ binary_data_output: true });
  });

  it('takes a fixed shape, and an empty batch', () => {
    expect(raw({ shape: [2] }, new Uint8Array(8)).inputs[0]!.shape).toEqual([2]);
    expect(raw({}, new Uint8Array(0)).inputs[0]!.shape).toEqual([0, 2]);
  });

  it('takes the whole body as the one element of BYTES', () => {
    const [input] = raw({ datatype: 'BYTES', shape: [-1] }, bytesOf('hello')).inputs;
    expect(input).toMatchObject({ shape: [1], elements: [bytesOf('hello')] });
  });

  it.each<[string, Partial<TensorSpec>, number, string]>([
    [
      'case 60: two variable dimensions',
      { shape: [-1, -1] },
      8,
      'cannot fill the 2 variable dimensions of [-1,-1]',
    ],
    ['bytes that fill no row', {}, 12, '3 elements do not fill shape [-1,2]'],
    ['half an element', {}, 10, '2.5 elements do not fill shape [-1,2]'],
    ['another fixed size', { shape: [2] }, 12, '3 elements do not fill shape [2]'],
    ['several elements of BYTES', { datatype: 'BYTES', shape: [2] }, 12, '1 elements do not fill shape [2]'],
  ])('%s is refused', (_name, spec, size, message) => {
    expect(refusal(() => raw(spec, new Uint8Array(size)))).toContain(message);
  });

  it('case 59: is refused by a model of several inputs', () => {
    const model = modelOf(X, { ...X, name: 'z' });
    expect(refusal(() => decodeInferRequest(new Uint8Array(8), 0, model))).toBe(
      "a raw request needs a model of one input, model 'm' has 2",
    );
  });
});

describe('messages', () => {
  it('stay short, however long the name', () => {
    const text = requestText({}, { name: 'n'.repeat(100_000) });
    expect(refusal(() => decodeText(text, modelOf(X))).length).toBeLessThan(200);
  });
});

it('refuses more strings than one tensor may hold, before it reads one', () => {
  const model = modelOf({ name: 's', datatype: 'BYTES', shape: [-1] });
  const input = { name: 's', datatype: 'BYTES', shape: [MAX_STRINGS + 1], data: [] };
  expect(refusal(() => decodeText(JSON.stringify({ inputs: [input] }), model))).toContain(
    `holds ${MAX_STRINGS + 1} strings, the maximum is ${MAX_STRINGS}`,
  );
});
