import { expect } from 'vitest';
import { binaryRequest } from '../../transport/http/v2-requests.ts';
import type { ConformanceCase } from '../case.ts';
import { answered, expectRefusal, inTurn, refused } from '../expectations.ts';
import { asBinary, asJson, ROW, responseOf, type TensorText } from '../requests.ts';

const X0: TensorText = { name: 'x0', shape: '[1,2]', data: '[1,2]', bytes: Float32Array.of(1, 2) };
const X1: TensorText = {
  name: 'x1',
  datatype: 'INT32',
  shape: '[1,2]',
  data: '[7,-8]',
  bytes: Int32Array.of(7, -8),
};
const PAIR = [X0, X1];
const TWO_ROWS = { ...ROW, shape: '[2,4]', data: '[1,2,3,4,5,6,7,8]', bytes: new Float32Array(8) };
const WITHOUT_INPUTS = ['{}', '{"id":"1"}', '{"inputs":null}', '{"inputs":{}}'] as const;
const NO_INPUTS = /^request: 'inputs' must be a non-empty array$/;
const BATCH_OF_ONE = { server: { maxBatch: 1 } };

/** Names of the outputs of a 'pair' request, in the order answered. */
function outputNames(rest: string, expected: readonly string[]): ConformanceCase['checks'] {
  const check = (put: typeof asJson): NonNullable<ConformanceCase['checks']['JSON']> => {
    return async (lab) => {
      const answer = await (await lab.server('pair')).send(put(PAIR, rest));
      expect(responseOf(answer).outputs.map(({ name }) => name)).toEqual(expected);
    };
  };
  return { JSON: check(asJson), binary: check(asBinary) };
}

/** Cases 15–28 and 35–36: which tensors a request must and must not name. */
export const REQUEST_CASES: readonly ConformanceCase[] = [
  {
    number: 15,
    title: 'no `inputs`',
    source: 'S',
    answer: "400: 'inputs' must be a non-empty array.",
    checks: {
      JSON: async (lab) => {
        for (const body of WITHOUT_INPUTS) await expectRefusal(await lab.server('rows'), { body }, NO_INPUTS);
      },
      binary: async (lab) => {
        for (const head of WITHOUT_INPUTS) {
          const sent = binaryRequest(head, ROW.bytes);
          await expectRefusal(await lab.server('rows'), sent, NO_INPUTS);
        }
      },
    },
  },
  {
    number: 16,
    title: 'empty `inputs`',
    source: 'T',
    answer: "400: 'inputs' must be a non-empty array.",
    checks: refused([], /'inputs' must be a non-empty array/),
  },
  {
    number: 17,
    title: 'missing required input',
    source: 'T',
    answer: '400, naming it.',
    checks: refused([X0], /^missing input 'x1': model 'pair' takes 'x0', 'x1'$/, { model: 'pair' }),
  },
  {
    number: 18,
    title: 'extra input',
    source: 'T',
    answer: '400, naming it and what the model takes.',
    checks: refused([ROW, { ...ROW, name: 'z' }], /^unexpected input 'z': model 'rows' takes 'x'$/),
  },
  {
    number: 19,
    title: 'duplicate input',
    source: 'T',
    answer: '400.',
    checks: refused([ROW, ROW], /^input 'x' occurs twice$/),
  },
  {
    number: 20,
    title: 'duplicate requested output',
    source: 'T',
    answer: '400.',
    checks: refused([ROW], /^output 'y' occurs twice$/, { rest: '"outputs":[{"name":"y"},{"name":"y"}]' }),
  },
  {
    number: 21,
    title: 'unknown requested output',
    source: 'T',
    answer: '400, naming it and what the model gives.',
    checks: refused([ROW], /^unexpected output 'z': model 'rows' gives 'y'$/, {
      rest: '"outputs":[{"name":"z"}]',
    }),
  },
  {
    number: 22,
    title: 'subset of the outputs, and another order',
    source: 'S',
    answer: 'exactly the outputs asked for, in the order asked.',
    checks: inTurn(
      outputNames('"outputs":[{"name":"y1"},{"name":"y0"}]', ['y1', 'y0']),
      outputNames('"outputs":[{"name":"y1"}]', ['y1']),
    ),
  },
  {
    number: 23,
    title: '`outputs: []`',
    source: 'D',
    answer: 'all outputs, as without the member.',
    checks: outputNames('"outputs":[]', ['y0', 'y1']),
  },
  {
    number: 24,
    title: 'wrong datatype',
    source: 'T',
    answer: '400, naming the expected one.',
    checks: refused([{ ...ROW, datatype: 'INT32' }], /unexpected datatype 'INT32', expected FP32$/),
  },
  {
    number: 25,
    title: 'unknown datatype',
    source: 'T',
    answer: '400, naming the expected one.',
    checks: refused([{ ...ROW, datatype: 'FP8' }], /unknown datatype 'FP8', expected FP32$/),
  },
  {
    number: 26,
    title: 'datatype in lower case',
    source: 'D',
    answer: '400: datatypes are upper-case words.',
    checks: refused([{ ...ROW, datatype: 'fp32' }], /unknown datatype 'fp32', expected FP32$/),
  },
  {
    number: 27,
    title: 'wrong rank',
    source: 'T',
    answer: '400 with the shape found and the shape expected.',
    checks: refused([{ ...ROW, shape: '[4]' }], /unexpected shape \[4\], expected \[-1,4\]$/),
  },
  {
    number: 28,
    title: 'wrong fixed dimension',
    source: 'T',
    answer: '400 with the shape found and the shape expected.',
    checks: refused([{ ...ROW, shape: '[2,2]' }], /unexpected shape \[2,2\], expected \[-1,4\]$/),
  },
  {
    number: 35,
    title: 'batch over the configured maximum',
    source: 'T',
    answer: '400 with the maximum (`server.maxBatch`); a batch of exactly the maximum is answered.',
    checks: inTurn(
      refused([TWO_ROWS], /batch of 2 in shape \[2,4\], the maximum is 1$/, { settings: BATCH_OF_ONE }),
      answered([ROW], { y: ROW.bytes as Float32Array }, { settings: BATCH_OF_ONE }),
    ),
  },
  {
    number: 36,
    title: 'inputs of different batch sizes',
    source: 'T',
    answer: '400, for every two dimensions that the model gives one name.',
    checks: refused(
      [X0, { ...X1, shape: '[2,2]', data: '[1,2,3,4]', bytes: Int32Array.of(1, 2, 3, 4) }],
      /^input 'x1': dimension 0 \(batch\) is 2, input 'x0' has 1$/,
      { model: 'pair' },
    ),
  },
];
