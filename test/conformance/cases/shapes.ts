import type { ConformanceCase } from '../case.ts';
import { answered, inTurn, refused } from '../expectations.ts';
import { ROW, type TensorText } from '../requests.ts';

const shaped = (shape: string): TensorText => ({ ...ROW, shape });
const one = { data: '[1]', bytes: Float32Array.of(1) };
const NOT_NATURAL = /^input 'x': 'shape' holds .*, expected non-negative integers$/;
const TOO_LARGE = /exceeds the maximum byte size$/;

/** Cases 29–34: shapes, and how many elements they need. */
export const SHAPE_CASES: readonly ConformanceCase[] = [
  {
    number: 29,
    title: 'negative dimension',
    source: 'D',
    answer: '400; -1 too: a request knows its sizes.',
    checks: inTurn(refused([shaped('[-1,4]')], NOT_NATURAL), refused([shaped('[1,-4]')], NOT_NATURAL)),
  },
  {
    number: 30,
    title: 'dimension that is a fraction or no number',
    source: 'D',
    answer: '400.',
    checks: inTurn(
      ...['[1.5,4]', '["1",4]', '[true,4]', '[null,4]', '[[1],4]'].map((shape) =>
        refused([shaped(shape)], NOT_NATURAL),
      ),
      refused([shaped('4')], /'shape' must be an array$/),
    ),
  },
  {
    number: 31,
    title: 'element count that overflows',
    source: 'T',
    answer: '400, before anything is allocated.',
    checks: inTurn(
      refused([{ ...one, shape: '[16,1152921504606846978]' }], /1152921504606846978 is out of range$/, {
        model: 'grid',
      }),
      refused([{ ...one, shape: '[4294967296,4294967296]' }], TOO_LARGE, { model: 'grid' }),
      refused([{ ...one, shape: '[9007199254740991,9007199254740991]' }], TOO_LARGE, { model: 'grid' }),
    ),
  },
  {
    number: 32,
    title: 'byte size that overflows',
    source: 'T',
    answer: '400, before anything is allocated.',
    checks: inTurn(
      refused([{ ...one, shape: '[2251799813685248,4]' }], TOO_LARGE),
      refused([{ ...one, shape: '[1000000000,4]' }], /(too few|1) elements|4 bytes, 4000000000 elements/),
    ),
  },
  {
    number: 33,
    title: 'element count that is not the shape’s',
    source: 'D',
    answer: '400 with both numbers; neither cut nor filled up.',
    checks: inTurn(
      refused(
        [{ ...ROW, data: '[1,2,3]', bytes: new Float32Array(3) }],
        /3 elements, shape \[1,4\] needs 4$|12 bytes, 4 elements of FP32 need 16$/,
      ),
      refused(
        [{ ...ROW, data: '[1,2,3,4,5]', bytes: new Float32Array(5) }],
        /5 elements, shape \[1,4\] needs 4$|20 bytes, 4 elements of FP32 need 16$/,
      ),
    ),
  },
  {
    number: 34,
    title: 'batch of none',
    source: 'D',
    answer: '200 with outputs of no elements, where the model can run on nothing.',
    checks: answered([{ shape: '[0,4]', data: '[]', bytes: new Float32Array() }], { y: new Float32Array() }),
  },
];
