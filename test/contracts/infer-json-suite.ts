import { describe, expect, it } from 'vitest';
import type { Tensor } from '../../src/protocol/types.ts';
import { createApp } from '../../src/transport/http/app.ts';
import type { HttpLimits } from '../../src/transport/http/limits.ts';
import { createFakePlane, type FakePlane } from '../transport/http/fake-plane.ts';
import { inputText, requestText } from '../transport/http/v2-requests.ts';

interface Options {
  readonly model?: string;
  readonly limits?: Partial<HttpLimits>;
  readonly plane?: FakePlane;
}

/** What JSON requests are answered, and which are refused: wherever they are decoded. @param defaults - what decides where. */
export function inferJsonSuite(defaults: Partial<HttpLimits>): void {
  async function infer(
    body: string,
    { model = 'identity-fp32', limits = {}, plane = createFakePlane() }: Options = {},
  ) {
    const response = await createApp(plane, { ...defaults, ...limits }).request(`/v2/models/${model}/infer`, {
      method: 'POST',
      body,
    });
    return { status: response.status, text: await response.text() };
  }

  async function errorOf(body: string, options?: Options): Promise<string> {
    const { status, text } = await infer(body, options);
    expect(status).toBe(400);
    const { error, ...others } = JSON.parse(text);
    expect(others).toEqual({});
    return error;
  }

  /** The response's `data` text, exactly as it was sent. */
  function dataText(text: string): string | undefined {
    return /"data":(\[.*?\])\}/.exec(text)?.[1];
  }

  const whole = requestText([inputText()]);

  describe('JSON requests that are answered', () => {
    it('with the response object of the protocol', async () => {
      const { status, text } = await infer(whole);
      expect(status).toBe(200);
      expect(JSON.parse(text)).toEqual({
        model_name: 'identity-fp32',
        model_version: '3',
        outputs: [{ name: 'y', datatype: 'FP32', shape: [1, 4], data: [1, 2, 3, 4] }],
      });
    });

    it.each<[string, string, string, string, string]>([
      ['case 13: nested', 'identity-fp32', '[2,4]', '[[1,2,3,4],[5,6,7,8.5]]', '[1,2,3,4,5,6,7,8.5]'],
      ['case 34: a batch of none', 'identity-fp32', '[0,4]', '[]', '[]'],
      [
        'case 37: INT64',
        'any-int64',
        '[2]',
        '[-9223372036854775808,9223372036854775807]',
        '[-9223372036854775808,9223372036854775807]',
      ],
      ['case 38: UINT64', 'any-uint64', '[1]', '[18446744073709551615]', '[18446744073709551615]'],
      ['case 41: BOOL', 'any-bool', '[4]', '[true,0,1,false]', '[true,false,true,false]'],
      ['case 44, 45: bare words', 'any-fp32', '[3]', '[NaN,Infinity,-Infinity]', '[NaN,Infinity,-Infinity]'],
      ['case 46: minus zero and the least denormal', 'any-fp64', '[2]', '[-0.0,5e-324]', '[-0,5e-324]'],
      ['case 48: an embedded NUL', 'any-bytes', '[1]', '["a\\u0000é"]', '["a\\u0000é"]'],
      ['data before shape', 'any-int8', '[2]', '[ -1 , 2 ]', '[-1,2]'],
    ])('%s', async (_name, model, shape, data, expected) => {
      const datatype = `"${model.split('-')[1]!.toUpperCase()}"`;
      const { status, text } = await infer(requestText([inputText({ datatype, shape, data })]), { model });
      expect([status, dataText(text)]).toEqual([200, expected]);
    });

    it('case 22: the outputs that were asked for, in the order asked', async () => {
      const inputs = ['0', '1'].map((i) =>
        inputText({
          name: `"x${i}"`,
          shape: '[1,2]',
          data: '[1,2]',
          datatype: i === '0' ? '"FP32"' : '"INT32"',
        }),
      );
      const ask = async (outputs: string) =>
        JSON.parse(
          (await infer(requestText(inputs, `"outputs":${outputs}`), { model: 'pair' })).text,
        ).outputs.map((output: { name: string }) => output.name);
      expect(await ask('[{"name":"y1"},{"name":"y0"}]')).toEqual(['y1', 'y0']);
      expect(await ask('[{"name":"y1"}]')).toEqual(['y1']);
      expect(await ask('[]')).toEqual(['y0', 'y1']);
    });

    it('case 53: echoes the id', async () => {
      expect(JSON.parse((await infer(requestText([inputText()], '"id":"a\\"é"'))).text).id).toBe('a"é');
      expect('id' in JSON.parse((await infer(whole)).text)).toBe(false);
    });

    it('case 54: passes parameters on, and the caller’s version', async () => {
      const plane = createFakePlane();
      await infer(requestText([inputText()], '"parameters":{"pruning":"off","timeout":5000}'), { plane });
      expect(plane.requests[0]!.request.parameters).toEqual({ pruning: 'off', timeout: 5000 });
      expect(plane.requests[0]!.version).toBeUndefined();
    });

    it('with the parameters of the response', async () => {
      const plane = createFakePlane();
      const { infer: original } = plane;
      plane.infer = async (...input) => ({
        ...(await original.apply(plane, input)),
        parameters: { threshold: 0.125 },
      });
      expect(JSON.parse((await infer(whole, { plane })).text).parameters).toEqual({ threshold: 0.125 });
    });

    it('case 35: a batch of the maximum', async () => {
      expect((await infer(whole, { limits: { maxBatch: 1 } })).status).toBe(200);
    });
  });

  describe('JSON requests that are refused', () => {
    const one = (input: Parameters<typeof inputText>[0]) => requestText([inputText(input)]);

    it.each<[string, string, string]>([
      [
        'case 14: ragged',
        one({ shape: '[2,4]', data: '[[1,2,3,4],[5,6,7]]' }),
        'nested exactly as shape [2,4]',
      ],
      ['case 15: no inputs', '{"id":"1"}', "'inputs' must be a non-empty array"],
      ['case 16: empty inputs', '{"inputs":[]}', "'inputs' must be a non-empty array"],
      [
        'case 18: an extra input',
        requestText([inputText(), inputText({ name: '"z"' })]),
        "unexpected input 'z'",
      ],
      ['case 19: a duplicate input', requestText([inputText(), inputText()]), "input 'x' occurs twice"],
      [
        'case 20: a duplicate output',
        requestText([inputText()], '"outputs":[{"name":"y"},{"name":"y"}]'),
        "output 'y' occurs twice",
      ],
      [
        'case 21: an unknown output',
        requestText([inputText()], '"outputs":[{"name":"z"}]'),
        "unexpected output 'z'",
      ],
      [
        'case 24: another datatype',
        one({ datatype: '"INT32"' }),
        "unexpected datatype 'INT32', expected FP32",
      ],
      ['case 25: an unknown datatype', one({ datatype: '"FP8"' }), "unknown datatype 'FP8', expected FP32"],
      [
        'case 26: a lower-case datatype',
        one({ datatype: '"fp32"' }),
        "unknown datatype 'fp32', expected FP32",
      ],
      ['no datatype', one({ datatype: '' }), "'datatype' must be a string"],
      ['case 27: another rank', one({ shape: '[4]' }), 'unexpected shape [4], expected [-1,4]'],
      [
        'case 28: another fixed dimension',
        one({ shape: '[1,5]', data: '[1,2,3,4,5]' }),
        'unexpected shape [1,5], expected [-1,4]',
      ],
      [
        'case 29: a negative dimension',
        one({ shape: '[-1,4]' }),
        "'shape' holds -1, expected non-negative integers",
      ],
      [
        'case 30: a fractional dimension',
        one({ shape: '[1.5,4]' }),
        "'shape' holds 1.5, expected non-negative integers",
      ],
      [
        'a dimension that is not a number',
        one({ shape: '["1",4]' }),
        "'shape' holds 1, expected non-negative integers",
      ],
      ['no shape', one({ shape: '' }), "'shape' must be an array"],
      ['case 32: too many bytes', one({ shape: '[2251799813685248,4]' }), 'exceeds the maximum byte size'],
      ['case 33: another count', one({ data: '[1,2,3]' }), "input 'x': 3 elements, shape [1,4] needs 4"],
      ['no data', one({ data: '' }), "input 'x': 'data' must be an array"],
      ['data that is no array', one({ data: '1' }), "input 'x': 'data' must be an array"],
      ['no name', one({ name: '' }), "input: 'name' must be a non-empty string"],
      ['inputs that are no objects', '{"inputs":[1]}', "'inputs': expected a JSON object"],
      ['outputs that are no array', requestText([inputText()], '"outputs":{}'), "'outputs' must be an array"],
      ['case 49: duplicate keys', '{"id":"1","id":"2"}', "key 'id' occurs twice in one object"],
      [
        'case 50: nesting of 101',
        `{"inputs":${'['.repeat(100)}${']'.repeat(100)}}`,
        'nested deeper than 100',
      ],
      [
        'case 50: nesting of 101 in data',
        one({ data: '['.repeat(98) + ']'.repeat(98) }),
        'nested deeper than 100',
      ],
      ['case 51: malformed', '{"inputs":[', 'malformed JSON at character 11'],
      ['case 51: empty', '', 'malformed JSON at character 0'],
      ['case 51: an array', '[]', 'request: expected a JSON object'],
      ['case 52: a byte-order mark', `\uFEFF${whole}`, 'a byte-order mark is not allowed'],
      ['case 53: an id that is a number', requestText([inputText()], '"id":7'), "'id' must be a string"],
      [
        'case 54: a parameter that is an object',
        requestText([inputText()], '"parameters":{"a":{}}'),
        "parameter 'a' must be",
      ],
      [
        'case 55: a reserved parameter',
        requestText([inputText()], '"parameters":{"triton_x":1}'),
        "parameter 'triton_x' is reserved",
      ],
      [
        'case 57: binary data without the header',
        one({ data: '' }).replace('"shape"', '"parameters":{"binary_data_size":16},"shape"'),
        '0 bytes of binary data remain',
      ],
    ])('%s', async (_name, body, message) => {
      expect(await errorOf(body)).toContain(message);
    });

    it('case 17: names the missing input', async () => {
      const body = requestText([inputText({ name: '"x0"', shape: '[1,2]', data: '[1,2]' })]);
      expect(await errorOf(body, { model: 'pair' })).toContain("missing input 'x1'");
    });

    it.each([
      ['[16,1152921504606846978]', 'number 1152921504606846978 is out of range'],
      ['[9007199254740991,9007199254740991]', 'exceeds the maximum byte size'],
      ['[4294967296,4294967296]', 'exceeds the maximum byte size'],
    ])('case 31: an element count that overflows: %s', async (shape, message) => {
      expect(await errorOf(one({ shape, data: '[1]' }), { model: 'grid' })).toContain(message);
    });

    it('case 35: a batch over the maximum', async () => {
      const body = one({ shape: '[2,4]', data: '[1,2,3,4,5,6,7,8]' });
      expect(await errorOf(body, { limits: { maxBatch: 1 } })).toContain('the maximum is 1');
    });

    it('case 36: inputs of different batch sizes', async () => {
      const body = requestText([
        inputText({ name: '"x0"', shape: '[1,2]', data: '[1,2]' }),
        inputText({ name: '"x1"', shape: '[2,2]', data: '[1,2,3,4]', datatype: '"INT32"' }),
      ]);
      expect(await errorOf(body, { model: 'pair' })).toContain("dimension 0 (batch) is 2, input 'x0' has 1");
    });

    it.each([
      ['case 39: UINT8', 'any-uint8', '[256]', 'UINT8 holds 0 to 255'],
      ['case 39: INT8', 'any-int8', '[-129]', 'INT8 holds -128 to 127'],
      ['case 40: a fraction', 'any-int64', '[1.5]', 'an integer without fraction or exponent'],
      ['case 42: FP16', 'any-fp16', '[1]', 'FP16 via JSON is not supported'],
      ['case 43: BF16', 'any-bf16', '[1]', 'BF16 via JSON is not supported'],
      ['case 46: 1e39', 'any-fp32', '[1e39]', 'overflows FP32'],
    ])('%s', async (_name, model, data, message) => {
      const datatype = `"${model.split('-')[1]!.toUpperCase()}"`;
      expect(await errorOf(one({ datatype, shape: '[1]', data }), { model })).toContain(message);
    });
  });

  describe('responses that JSON cannot carry', () => {
    function answering(output: Omit<Tensor, 'name'>): FakePlane {
      const plane = createFakePlane();
      plane.run = async () => [{ name: 'y', ...output }];
      return plane;
    }

    it('case 45: NaN is an error where the server is told so', async () => {
      const plane = answering({ datatype: 'FP32', shape: [2], elements: Float32Array.of(1, Number.NaN) });
      expect(dataText((await infer(whole, { plane })).text)).toBe('[1,NaN]');
      const { status, text } = await infer(whole, { plane, limits: { nonFinite: 'error' } });
      expect([status, JSON.parse(text).error]).toEqual([
        500,
        "output 'y': element 1 is NaN, which JSON cannot carry",
      ]);
    });

    it('case 47: BYTES that are not UTF-8', async () => {
      const plane = answering({ datatype: 'BYTES', shape: [1], elements: [Uint8Array.of(0xc3, 0x28)] });
      expect(await errorOf(whole, { plane })).toContain('is not UTF-8');
    });

    it('case 42: FP16', async () => {
      const plane = answering({ datatype: 'FP16', shape: [1], elements: Uint16Array.of(0x3c00) });
      expect(await errorOf(whole, { plane })).toContain("output 'y': FP16 via JSON is not supported");
    });
  });
}
