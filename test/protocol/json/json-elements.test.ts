import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Datatype, TensorElements } from '../../../src/protocol/types.ts';
import { decodeText, modelOf, refusal } from '../encoding.ts';

function elementsOf(datatype: Datatype, shape: readonly number[], data: string): TensorElements {
  const model = modelOf({ name: 'x', datatype, shape: shape.map(() => -1) });
  const text = `{"inputs":[{"data":${data},"name":"x","datatype":"${datatype}","shape":[${shape}]}]}`;
  return decodeText(text, model).inputs[0]!.elements;
}

const utf8 = (text: string) => Array.from(new TextEncoder().encode(text));

describe('JSON elements that are read', () => {
  it.each<[string, Datatype, number[], string, unknown[]]>([
    ['case 13: flat', 'FP32', [2, 2], '[1,2.5,-3,4e2]', [1, 2.5, -3, 400]],
    ['case 13: nested', 'FP32', [2, 2], '[[1,2.5],[-3,4e2]]', [1, 2.5, -3, 400]],
    ['case 13: nested integers', 'INT32', [2, 1, 2], '[ [[1, 2]] ,\n[[3,4]]]', [1, 2, 3, 4]],
    ['case 13: a scalar', 'FP64', [], '[0.1]', [0.1]],
    ['case 13: one row', 'INT8', [1, 3], '[[1,-2,3]]', [1, -2, 3]],
    ['case 34: no element, flat', 'FP32', [0, 4], '[]', []],
    ['case 34: no element, nested', 'INT64', [2, 0], '[[],[ ]]', []],
    [
      'case 37: INT64',
      'INT64',
      [2],
      '[-9223372036854775808,9223372036854775807]',
      [-(2n ** 63n), 2n ** 63n - 1n],
    ],
    [
      'case 37: INT64 around 2^53',
      'INT64',
      [3],
      '[9007199254740993,-1,-4294967297]',
      [2n ** 53n + 1n, -1n, -(2n ** 32n) - 1n],
    ],
    ['case 38: UINT64', 'UINT64', [2], '[18446744073709551615,4294967296]', [2n ** 64n - 1n, 2n ** 32n]],
    ['case 39: the ends of UINT8', 'UINT8', [2], '[0,255]', [0, 255]],
    ['case 39: the ends of INT8', 'INT8', [2], '[-128,127]', [-128, 127]],
    ['case 39: the ends of UINT32', 'UINT32', [2], '[0,4294967295]', [0, 4294967295]],
    ['case 41: BOOL', 'BOOL', [4], '[true,false,1,0]', [1, 0, 1, 0]],
    ['case 44: bare words', 'FP32', [4], '[NaN,Infinity,-Infinity,1]', [Number.NaN, Infinity, -Infinity, 1]],
    ['case 44: bare words, nested', 'FP64', [2, 1], '[[NaN],[-1e-3]]', [Number.NaN, -0.001]],
    ['case 46: minus zero', 'FP32', [2], '[-0,-0.0]', [-0, -0]],
    ['case 46: the least denormal', 'FP32', [1], '[1e-45]', [2 ** -149]],
    ['case 46: the least denormal of FP64', 'FP64', [1], '[5e-324]', [Number.MIN_VALUE]],
    ['case 46: below the least denormal', 'FP32', [1], '[1e-60]', [0]],
  ])('%s', (_name, datatype, shape, data, expected) => {
    expect(Array.from(elementsOf(datatype, shape, data) as Float64Array)).toEqual(expected);
  });

  it('case 48: BYTES with an embedded NUL, escapes and any script', () => {
    const elements = elementsOf('BYTES', [2, 2], '[["a\\u0000b","]"],["\\"é","日本\\ud83d\\ude00"]]');
    const expected = ['a\0b', ']', '"é', '日本😀'].map(utf8);
    expect((elements as readonly Uint8Array[]).map((element) => Array.from(element))).toEqual(expected);
  });
});

describe('JSON elements that are refused', () => {
  it.each<[string, Datatype, number[], string, string]>([
    ['case 14: ragged rows', 'FP32', [2, 2], '[[1,2],[3]]', 'nested exactly as shape [2,2]'],
    [
      'case 14: ragged but of the right count',
      'FP32',
      [2, 2],
      '[[1,2,3],[4]]',
      'nested exactly as shape [2,2]',
    ],
    ['case 14: ragged integers', 'INT32', [2, 2], '[[1,2,3],[4]]', 'nested exactly as shape [2,2]'],
    ['case 14: a number beside a row', 'FP32', [2, 2], '[[1,2],3,4]', 'nested exactly as shape [2,2]'],
    ['case 14: nested in part', 'INT32', [2, 2, 1], '[[1,2],[3,4]]', 'nested exactly as shape [2,2,1]'],
    [
      'case 14: nested in part, floats',
      'FP32',
      [2, 2, 1],
      '[[1,2],[3,4]]',
      'nested exactly as shape [2,2,1]',
    ],
    ['case 14: nested too deep', 'FP32', [2], '[[1,2]]', 'nested exactly as shape [2]'],
    ['case 14: nested too deep, one element', 'FP32', [1], '[[1]]', 'nested exactly as shape [1]'],
    [
      'case 33: too few',
      'FP32',
      [2, 8],
      '[1,2,3,4,5,6,7,8,9,10,11,12]',
      "input 'x': 12 elements, shape [2,8] needs 16",
    ],
    ['case 33: too many', 'FP32', [2], '[1,2,3]', "input 'x': 3 elements, shape [2] needs 2"],
    ['case 33: too few integers', 'INT32', [4], '[100000,20000]', "input 'x': 2 elements, shape [4] needs 4"],
    [
      'case 33: too many integers',
      'INT64',
      [1],
      '[1,2]',
      "input 'x': more than 1 elements, shape [1] needs 1",
    ],
    ['case 33: none of many', 'BOOL', [3], '[   ]', "input 'x': 0 elements, shape [3] needs 3"],
    ['case 33: a huge claim allocates nothing', 'FP64', [2 ** 40], '[1,2]', 'needs 1099511627776'],
    ['case 33: a huge claim of strings', 'BYTES', [2 ** 40], '["1"]', 'strings, the maximum is 262144'],
    ['case 39: UINT8 256', 'UINT8', [1], '[256]', 'element 0 is 256, UINT8 holds 0 to 255'],
    ['case 39: INT8 -129', 'INT8', [2], '[0,-129]', 'element 1 is -129, INT8 holds -128 to 127'],
    ['case 39: UINT16 -1', 'UINT16', [1], '[-1]', 'element 0 is -1, UINT16 holds 0 to 65535'],
    [
      'case 39: INT32 of twenty digits',
      'INT32',
      [1],
      '[12345678901234567890]',
      'INT32 holds -2147483648 to 2147483647',
    ],
    [
      'case 39: INT64 2^63',
      'INT64',
      [1],
      '[9223372036854775808]',
      'element 0 is 9223372036854775808, INT64 holds',
    ],
    [
      'case 39: UINT64 2^64',
      'UINT64',
      [1],
      '[18446744073709551616]',
      'UINT64 holds 0 to 18446744073709551615',
    ],
    ['case 39: a number of a thousand digits', 'UINT64', [1], `[${'9'.repeat(1000)}]`, 'UINT64 holds 0 to'],
    ['case 40: a fraction', 'INT32', [1], '[1.5]', 'expected an integer without fraction or exponent'],
    [
      'case 40: a fraction of zero',
      'INT64',
      [1],
      '[1.0]',
      'expected an integer without fraction or exponent',
    ],
    ['case 40: an exponent', 'UINT8', [1], '[1e2]', 'expected an integer without fraction or exponent'],
    ['case 40: a bare word', 'INT32', [1], '[NaN]', "expected an integer in input 'x'"],
    ['case 41: BOOL 2', 'BOOL', [1], '[2]', "expected true or false in input 'x'"],
    ['case 41: BOOL 10', 'BOOL', [2], '[10,1]', "expected ',' or ']'"],
    ['case 42: FP16', 'FP16', [1], '[1]', 'FP16 via JSON is not supported'],
    ['case 43: BF16', 'BF16', [1], '[1]', 'BF16 via JSON is not supported'],
    ['case 44: a quoted word', 'FP32', [1], '["NaN"]', `expected a number in input 'x', found '"NaN"]`],
    ['case 44: null', 'FP32', [2], '[1,null]', 'element 1 is null, expected a number'],
    [
      'case 44: null beside a bare word',
      'FP32',
      [2],
      '[NaN,null]',
      "expected a number in input 'x', found 'null]",
    ],
    ['case 44: another spelling', 'FP32', [1], '[+Infinity]', "expected a number in input 'x'"],
    ['case 46: 1e39 as FP32', 'FP32', [2], '[1,1e39]', 'element 1 is 1e+39, which overflows FP32'],
    [
      'case 46: 1e39 beside a bare word',
      'FP32',
      [2],
      '[NaN,1e39]',
      'element 1 is 1e39, which overflows FP32',
    ],
    ['case 46: 1e309 as FP64', 'FP64', [1], '[1e309]', 'overflows FP64'],
    ['a hexadecimal number', 'FP32', [1], '[0x10]', "expected ',' or ']' in input 'x'"],
    ['a trailing comma', 'FP32', [2], '[1,2,]', 'more than 2 elements'],
    ['a missing comma', 'INT8', [2], '[1 2]', "expected ',' or ']' in input 'x', found '2]"],
    ['a number among strings', 'BYTES', [2], '["abcdef",1]', "expected a string in input 'x'"],
    ['a lone surrogate', 'BYTES', [1], '["\\ud800"]', 'a string without lone surrogates'],
    ['a bad escape', 'BYTES', [1], '["\\q"]', 'a string with valid escapes'],
  ])('%s', (_name, datatype, shape, data, message) => {
    expect(refusal(() => elementsOf(datatype, shape, data))).toContain(message);
  });
});

describe('floats', () => {
  it('are what JSON.parse reads, with and without a bare word beside them', () => {
    const numbers = fc.array(fc.double({ noNaN: true, noDefaultInfinity: true }), { minLength: 1 });
    void fc.assert(
      fc.property(numbers, (values) => {
        const text = JSON.stringify(values);
        const expected = JSON.parse(text);
        expect(Array.from(elementsOf('FP64', [values.length], text) as Float64Array)).toEqual(expected);
        const beside = elementsOf('FP64', [values.length + 1], text.replace(/]$/, ',NaN]')) as Float64Array;
        expect(Array.from(beside)).toEqual([...expected, Number.NaN]);
      }),
    );
  });
});
