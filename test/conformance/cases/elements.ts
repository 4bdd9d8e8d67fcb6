import { expect } from 'vitest';
import type { Datatype, TensorElements } from '../../../src/protocol/types.ts';
import { loadModel } from '../../../src/runtime/local/load-model.ts';
import { binaryRequest, requestText } from '../../transport/http/v2-requests.ts';
import type { ConformanceCase } from '../case.ts';
import { answered, expectRefusal, inTurn, refused } from '../expectations.ts';
import { anyOf } from '../models.ts';
import { asBinary, asJson, binaryInput, ROW, type TensorText } from '../requests.ts';

const texts = (...words: readonly string[]) => words.map((word) => Uint8Array.from(Buffer.from(word)));

/** BYTES in binary: each as its length and its bytes. */
function lengthPrefixed(elements: readonly Uint8Array[]): Uint8Array {
  return Buffer.concat(
    elements.flatMap((element) => [Buffer.from(Uint32Array.of(element.byteLength).buffer), element]),
  );
}

/** One vector of a datatype for the model that takes any of them. */
function vector(datatype: Datatype, data: string, bytes: ArrayBufferView, count: number): TensorText {
  return { datatype, shape: `[${count}]`, data, bytes };
}

/** A vector that comes back as it was sent. */
function returned(datatype: Datatype, data: string, elements: TensorElements): ConformanceCase['checks'] {
  const bytes = ArrayBuffer.isView(elements) ? elements : lengthPrefixed(elements);
  const tensor = vector(datatype, data, bytes, elements.length);
  return answered([tensor], { y: elements }, { model: anyOf(datatype) });
}

/** JSON data that is refused; it has no binary form. */
function refusedText(datatype: Datatype, data: string, reason: RegExp, count = 1): ConformanceCase['checks'] {
  const tensor = vector(datatype, data, new Uint8Array(), count);
  return { JSON: refused([tensor], reason, { model: anyOf(datatype) }).JSON! };
}

const onlyJson = ({ JSON: check }: ConformanceCase['checks']) => ({ JSON: check! });

/** Cases 13–14 and 37–48: elements of every datatype. */
export const ELEMENT_CASES: readonly ConformanceCase[] = [
  {
    number: 13,
    title: 'nested and flat data',
    source: 'S',
    answer: 'equal; answers are flat, in row-major order.',
    checks: onlyJson(
      inTurn(
        ...['[[1,2,3,4],[5,6,7,8.5]]', '[1,2,3,4,5,6,7,8.5]', ' [ [1,2,3,4] , [5,6,7,8.5] ] '].map((data) =>
          answered([{ ...ROW, shape: '[2,4]', data }], { y: Float32Array.of(1, 2, 3, 4, 5, 6, 7, 8.5) }),
        ),
      ),
    ),
  },
  {
    number: 14,
    title: 'ragged nesting',
    source: 'D',
    answer: '400: nested data must be nested exactly as the shape says.',
    checks: onlyJson(
      inTurn(
        ...[
          '[[1,2,3,4],[5,6,7]]',
          '[[1,2,3,4],5,6,7,8]',
          '[1,2,3,4,[5,6,7,8]]',
          '[[[1,2,3,4],[5,6,7,8]]]',
        ].map((data) =>
          refused(
            [{ ...ROW, shape: '[2,4]', data }],
            /must be nested exactly as shape \[2,4\]$|5 elements, shape \[2,4\] needs 8$/,
          ),
        ),
      ),
    ),
  },
  {
    number: 37,
    title: 'INT64 of ±2^63',
    source: 'S',
    answer: 'exact, both ways.',
    checks: returned(
      'INT64',
      '[-9223372036854775808,9223372036854775807,9007199254740993]',
      BigInt64Array.of(-(2n ** 63n), 2n ** 63n - 1n, 2n ** 53n + 1n),
    ),
  },
  {
    number: 38,
    title: 'UINT64 of 2^64 − 1',
    source: 'S',
    answer: 'exact, both ways.',
    checks: returned(
      'UINT64',
      '[18446744073709551615,9007199254740993]',
      BigUint64Array.of(2n ** 64n - 1n, 2n ** 53n + 1n),
    ),
  },
  {
    number: 39,
    title: 'integers that their datatype cannot hold',
    source: 'D',
    answer: '400 with the range, never wrapped; the ends of the range are answered.',
    checks: inTurn(
      refusedText('UINT8', '[256]', /element 0 is 256, UINT8 holds 0 to 255$/),
      refusedText('UINT8', '[-1]', /element 0 is -1, UINT8 holds 0 to 255$/),
      refusedText('INT8', '[-129]', /element 0 is -129, INT8 holds -128 to 127$/),
      refusedText('INT16', '[32768]', /INT16 holds -32768 to 32767$/),
      refusedText('UINT32', '[4294967296]', /UINT32 holds 0 to 4294967295$/),
      refusedText('INT64', '[9223372036854775808]', /INT64 holds -9223372036854775808 to /),
      refusedText('UINT64', '[18446744073709551616]', /UINT64 holds 0 to 18446744073709551615$/),
      returned('UINT8', '[0,255]', Uint8Array.of(0, 255)),
      returned('INT8', '[-128,127]', Int8Array.of(-128, 127)),
      returned('UINT16', '[0,65535]', Uint16Array.of(0, 65535)),
      returned('INT16', '[-32768,32767]', Int16Array.of(-32768, 32767)),
      returned('UINT32', '[0,4294967295]', Uint32Array.of(0, 4294967295)),
      returned('INT32', '[-2147483648,2147483647]', Int32Array.of(-2147483648, 2147483647)),
    ),
  },
  {
    number: 40,
    title: 'fraction or exponent in an integer tensor',
    source: 'D',
    answer: '400, for 1.0 and 1e2 too: integers are written as digits.',
    checks: inTurn(
      ...['[1.5]', '[1.0]', '[1e2]'].map((data) =>
        refusedText('INT32', data, /an integer without fraction or exponent/),
      ),
    ),
  },
  {
    number: 41,
    title: 'BOOL given as 0 and 1',
    source: 'D',
    answer:
      'taken, beside true and false; answers are true and false. In binary a byte is 0 or 1, any other is 400.',
    checks: inTurn(returned('BOOL', '[true,0,1,false]', Uint8Array.of(1, 0, 1, 0)), {
      ...refusedText('BOOL', '[2]', /expected true or false/),
      binary: refused([vector('BOOL', '[2]', Uint8Array.of(2), 1)], /byte 0 is 2, BOOL is 0 or 1$/, {
        model: anyOf('BOOL'),
      }).binary!,
    }),
  },
  {
    number: 42,
    title: 'FP16 via JSON',
    source: 'T',
    answer: '400 in either direction; in binary every bit pattern comes back.',
    checks: {
      JSON: async (lab) => {
        const server = await lab.server(anyOf('FP16'));
        const half = vector('FP16', '[1]', Uint16Array.of(0x3c00), 1);
        await expectRefusal(server, asJson([half]), /^input 'x': FP16 via JSON is not supported/);
        const inBinary = binaryRequest(requestText([binaryInput(half)]), half.bytes);
        await expectRefusal(server, inBinary, /^output 'y': FP16 via JSON is not supported/);
      },
      binary: returned('FP16', '', Uint16Array.of(0x3c00, 0x8000, 0x0001, 0x7bff, 0x7c00, 0x7e01)).binary!,
    },
  },
  {
    number: 43,
    title: 'BF16 via JSON',
    source: 'T',
    answer:
      '400; in binary every bit pattern comes back. ONNX Runtime’s binding does not know BF16: with `runtime.kernels: off` a model with such a tensor is refused when it is loaded.',
    checks: {
      ...onlyJson(refused([{ ...ROW, datatype: 'BF16' }], /unexpected datatype 'BF16', expected FP32$/)),
      binary: async (lab) => {
        await returned('BF16', '', Uint16Array.of(0x3f80, 0x8000, 0x0001, 0x7f80, 0x7fc1)).binary!(lab);
        const without = lab.server(anyOf('BF16'), { runtime: { kernels: 'off' } });
        await expect(without).rejects.toMatchObject({ code: 'MODEL_INVALID' });
      },
    },
  },
  {
    number: 44,
    title: 'bare `NaN`, `Infinity`, `-Infinity`',
    source: 'D',
    answer: 'taken for FP32 and FP64, never coerced; 400 for every other datatype and spelling.',
    checks: inTurn(
      returned('FP32', '[NaN,Infinity,-Infinity]', Float32Array.of(Number.NaN, Infinity, -Infinity)),
      returned('FP64', '[NaN,Infinity,-Infinity]', Float64Array.of(Number.NaN, Infinity, -Infinity)),
      ...['[nan]', '[+Infinity]', '["NaN"]', '[null]', '[inf]'].map((data) =>
        refusedText('FP32', data, /expected a number/),
      ),
      refusedText('INT32', '[NaN]', /expected an integer/),
      refusedText('BOOL', '[NaN]', /expected true or false/),
    ),
  },
  {
    number: 45,
    title: 'NaN and infinities in a response',
    source: 'D',
    answer: 'bare words in JSON, which the reference client reads, never `null`; bits in binary.',
    checks: {
      JSON: async (lab) => {
        const tensor = vector('FP32', '[NaN,-Infinity,1]', new Float32Array(3), 3);
        const answer = await (await lab.server(anyOf('FP32'))).send(asJson([tensor]));
        expect(answer.body.toString()).toContain('"data":[NaN,-Infinity,1]}');
      },
      binary: returned('FP64', '', Float64Array.of(Number.NaN, -Infinity, 1)).binary!,
    },
  },
  {
    number: 46,
    title: '−0, denormals, and 1e39 as FP32',
    source: 'D',
    answer:
      '−0 and denormals are kept both ways; a number that overflows its datatype is 400, never Infinity.',
    checks: inTurn(
      returned(
        'FP32',
        '[-0,-0.0,1e-45,3.4028234663852886e38]',
        Float32Array.of(-0, -0, 1e-45, 3.4028234663852886e38),
      ),
      returned('FP64', '[-0.0,5e-324,1.7976931348623157e308]', Float64Array.of(-0, 5e-324, Number.MAX_VALUE)),
      refusedText('FP32', '[1e39]', /element 0 is 1e\+?39, which overflows FP32$/),
      refusedText('FP64', '[1e309]', /which overflows FP64$/),
    ),
  },
  {
    number: 47,
    title: 'BYTES that are not UTF-8',
    source: 'D',
    answer:
      'an input is 400, because ONNX Runtime’s binding takes text only; a model that could answer such a string is refused when it is loaded. Nothing is ever replaced silently.',
    checks: {
      JSON: async (lab) => {
        const server = await lab.server(anyOf('BYTES'));
        await expectRefusal(server, { body: Buffer.from([0x7b, 0x22, 0xc3, 0x28]) }, /is not valid UTF-8$/);
        const lone = vector('BYTES', '["\\ud800"]', new Uint8Array(), 1);
        await expectRefusal(server, asJson([lone]), /without lone surrogates/);
        const path = await lab.file('speaks no UTF-8');
        await expect(loadModel(path, { scheme: 'activations' })).rejects.toMatchObject({
          code: 'MODEL_INVALID',
          message: "tensor 'words' holds a string that is not UTF-8",
        });
      },
      binary: async (lab) => {
        const bad = vector('BYTES', '', lengthPrefixed([Uint8Array.of(0xc3, 0x28)]), 1);
        await expectRefusal(await lab.server(anyOf('BYTES')), asBinary([bad]), /'x': element 0 is not UTF-8/);
      },
    },
  },
  {
    number: 48,
    title: 'text at its edges: embedded NUL, byte-order mark, empty, beyond the basic plane',
    source: 'D',
    answer:
      'comes back unchanged, except that an embedded NUL is 400: ONNX Runtime’s binding would cut the element there, and an error is better than half an answer.',
    checks: inTurn(
      returned(
        'BYTES',
        '["naïve","","\\ufeffb","🙂","\\"\\\\\\n"]',
        texts('naïve', '', '\ufeffb', '🙂', '"\\\n'),
      ),
      refused([vector('BYTES', '["a\\u0000b"]', lengthPrefixed(texts('a\0b')), 1)], /element 0 holds a NUL/, {
        model: anyOf('BYTES'),
      }),
    ),
  },
];
