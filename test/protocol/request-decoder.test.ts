import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeInferRequest } from '../../src/protocol/decode-request.ts';
import { encodeInferRequest } from '../../src/protocol/encode-request.ts';
import { RequestDecoder } from '../../src/protocol/request-decoder.ts';
import type { Datatype, ModelMetadata, Tensor } from '../../src/protocol/types.ts';
import { elementsOf } from './arbitraries.ts';
import { modelOf } from './encoding.ts';

const DATATYPES: readonly Datatype[] = ['FP32', 'INT64', 'BOOL', 'BYTES'];

/** Requests of few shapes and ids, so that headers repeat, alternate and change. */
const requests = fc
  .record({
    datatype: fc.constantFrom(...DATATYPES),
    rows: fc.constantFrom(1, 2),
    id: fc.constantFrom(undefined, 'a'),
    isBinary: fc.boolean(),
  })
  .chain(({ datatype, rows, id, isBinary }) =>
    fc.tuple(elementsOf(datatype, rows * 3), elementsOf('FP32', rows)).map(([x, y]) => {
      const inputs: readonly Tensor[] = [
        { name: datatype, datatype, shape: [rows, 3], elements: x },
        { name: 'y', datatype: 'FP32', shape: [rows], elements: y },
      ];
      const request = { parameters: {}, inputs, ...(id === undefined ? {} : { id }) };
      return { datatype, ...encodeInferRequest(request, isBinary) };
    }),
  );

const models = new Map<Datatype, ModelMetadata>(
  DATATYPES.map((datatype) => [
    datatype,
    modelOf({ name: datatype, datatype, shape: [-1, 3] }, { name: 'y', datatype: 'FP32', shape: [-1] }),
  ]),
);

function outcome(decode: () => unknown): unknown {
  try {
    return decode();
  } catch (error) {
    return String(error);
  }
}

const X = { name: 'x', datatype: 'BOOL', shape: [-1] } as const;

function booleans(...elements: number[]) {
  const tensor: Tensor = { ...X, shape: [elements.length], elements: Uint8Array.from(elements) };
  return encodeInferRequest({ parameters: {}, inputs: [tensor] }, true);
}

describe('RequestDecoder', () => {
  it('decodes every request of a sequence as if it were the only one', () => {
    void fc.assert(
      fc.property(fc.array(requests, { minLength: 2, maxLength: 12 }), (sequence) => {
        const decoder = new RequestDecoder({});
        for (const { body, headerLength, datatype } of sequence) {
          const model = models.get(datatype)!;
          expect(outcome(() => decoder.decode(body, headerLength, model))).toEqual(
            outcome(() => decodeInferRequest(body, headerLength, model)),
          );
        }
      }),
      { numRuns: 300 },
    );
  });

  it('checks the elements of a repeated header', () => {
    const decoder = new RequestDecoder({});
    const model = modelOf(X);
    const good = booleans(0, 1);
    const bad = booleans(0, 7);
    const decoded = decoder.decode(good.body, good.headerLength, model);
    expect(decoded.inputs[0]!.elements).toEqual(Uint8Array.of(0, 1));
    expect(() => decoder.decode(bad.body, bad.headerLength, model)).toThrow('byte 1 is 7, BOOL is 0 or 1');
  });

  it('checks a repeated header again for another model, and for a body of another length', () => {
    const decoder = new RequestDecoder({});
    const { body, headerLength } = booleans(0, 1);
    decoder.decode(body, headerLength, modelOf(X));
    const other = modelOf({ ...X, datatype: 'UINT8' });
    expect(() => decoder.decode(body, headerLength, other)).toThrow('expected UINT8');
    const longer = Uint8Array.of(...body, 1);
    expect(() => decoder.decode(longer, headerLength, modelOf(X))).toThrow('belong to no tensor');
  });

  it('does not hold what it decoded before', () => {
    const decoder = new RequestDecoder({});
    const model = modelOf(X);
    const first = booleans(1, 1);
    const second = booleans(0, 0);
    const before = decoder.decode(first.body, first.headerLength, model);
    const after = decoder.decode(second.body, second.headerLength, model);
    expect(before.inputs[0]!.elements).toEqual(Uint8Array.of(1, 1));
    expect(after.inputs[0]!.elements).toEqual(Uint8Array.of(0, 0));
  });
});
