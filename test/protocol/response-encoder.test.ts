import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { encodeInferResponse } from '../../src/protocol/encode-response.ts';
import { ResponseEncoder } from '../../src/protocol/response-encoder.ts';
import type { InferRequest, InferResponse, Tensor } from '../../src/protocol/types.ts';
import { elementsOf } from './arbitraries.ts';

type Asked = Pick<InferRequest, 'parameters' | 'outputs'>;

const binary = { binary_data: true };
/** What requests ask for: a few things, again and again, and equal ones that are not the same. */
const ASKED: readonly Asked[] = [
  { parameters: { binary_data_output: true } },
  { parameters: { binary_data_output: true } },
  { parameters: {} },
  { parameters: {}, outputs: [{ name: 'y', parameters: binary }] },
  {
    parameters: {},
    outputs: [
      { name: 'x', parameters: binary },
      { name: 'y', parameters: {} },
    ],
  },
  {
    parameters: {},
    outputs: [
      { name: 'y', parameters: binary },
      { name: 'x', parameters: binary },
    ],
  },
];

/** Responses of few shapes, ids and parameters, so that headers repeat, alternate and change. */
const responses: fc.Arbitrary<InferResponse> = fc
  .record({
    datatype: fc.constantFrom('FP32', 'INT64', 'BYTES'),
    rows: fc.constantFrom(0, 1, 2),
    rank: fc.constantFrom(1, 2),
    id: fc.constantFrom(undefined, 'é"'),
    parameters: fc.constantFrom({}, { threshold: 0 }, { threshold: 0.5 }, { threshold: 0.5, more: true }),
    modelVersion: fc.constantFrom('1', '2'),
  })
  .chain(({ datatype, rows, rank, id, ...rest }) =>
    fc.tuple(elementsOf(datatype as 'FP32', rows * 3), elementsOf('FP32', rows)).map(([x, y]) => {
      const outputs: readonly Tensor[] = [
        { name: 'x', datatype: datatype as 'FP32', shape: rank === 1 ? [rows * 3] : [rows, 3], elements: x },
        { name: 'y', datatype: 'FP32', shape: [rows], elements: y },
      ];
      return { modelName: 'm', ...rest, ...(id === undefined ? {} : { id }), outputs };
    }),
  );

describe('ResponseEncoder', () => {
  it('encodes every response of a sequence as if it were the only one', () => {
    const pairs = fc.array(fc.tuple(responses, fc.constantFrom(...ASKED)), { minLength: 2, maxLength: 16 });
    void fc.assert(
      fc.property(pairs, (sequence) => {
        const encoder = new ResponseEncoder();
        for (const [response, asked] of sequence) {
          const expected = encodeInferResponse(response, asked);
          const { body, headerLength } = encoder.encode(response, asked);
          expect(headerLength).toBe(expected.headerLength);
          expect(Buffer.compare(body, expected.body)).toBe(0);
        }
      }),
      { numRuns: 500 },
    );
  });

  it('keeps nothing of a response that does not fit it', () => {
    const encoder = new ResponseEncoder();
    const response = { modelName: 'm', modelVersion: '1', parameters: {}, outputs: [] };
    const asked = { parameters: {}, outputs: [{ name: 'z', parameters: binary }] };
    expect(() => encoder.encode(response, asked)).toThrow("the model gave no output 'z'");
  });
});
