import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DATATYPES } from '../../src/protocol/datatypes.ts';
import { decodeInferRequest } from '../../src/protocol/decode-request.ts';
import { decodeInferResponse } from '../../src/protocol/decode-response.ts';
import type { EncodedBody } from '../../src/protocol/encode-body.ts';
import { encodeInferRequest } from '../../src/protocol/encode-request.ts';
import { encodeInferResponse } from '../../src/protocol/encode-response.ts';
import type { Datatype, InferResponse, Tensor } from '../../src/protocol/types.ts';
import { tensors } from './arbitraries.ts';
import { modelOf } from './encoding.ts';

const IN_JSON = DATATYPES.filter((datatype) => datatype !== 'FP16' && datatype !== 'BF16');

/** The same body at another address: whatever the alignment, the elements must not change. */
function shifted({ body }: EncodedBody, by: number): Uint8Array {
  const moved = new Uint8Array(by + body.byteLength);
  moved.set(body, by);
  return moved.subarray(by);
}

function modelFor(inputs: readonly Tensor[]) {
  return modelOf(
    ...inputs.map(({ name, datatype, shape }) => ({ name, datatype, shape: shape.map(() => -1) })),
  );
}

function pairOf(datatypes?: readonly Datatype[]): fc.Arbitrary<readonly Tensor[]> {
  return fc.tuple(tensors('a', datatypes), tensors('b', datatypes));
}

describe('a request that is encoded and decoded', () => {
  it('is the same, tensors as binary data at any alignment', () => {
    void fc.assert(
      fc.property(pairOf(), fc.nat(8), (inputs, by) => {
        const encoded = encodeInferRequest({ id: 'é"', parameters: { pruning: 'off' }, inputs }, true);
        const decoded = decodeInferRequest(shifted(encoded, by), encoded.headerLength, modelFor(inputs));
        expect(decoded).toEqual({ id: 'é"', parameters: { pruning: 'off' }, inputs });
      }),
      { numRuns: 300 },
    );
  });

  it('is the same, tensors as JSON', () => {
    void fc.assert(
      fc.property(pairOf(IN_JSON), (inputs) => {
        const encoded = encodeInferRequest({ parameters: {}, inputs }, false);
        expect(encoded.headerLength).toBeUndefined();
        expect(decodeInferRequest(encoded.body, undefined, modelFor(inputs))).toEqual({
          parameters: {},
          inputs,
        });
      }),
      { numRuns: 300 },
    );
  });

  it('keeps parameters of any kind, integers of 64 bits exactly', () => {
    const inputs: readonly Tensor[] = [
      { name: 'a', datatype: 'INT8', shape: [1], elements: Int8Array.of(1) },
    ];
    const parameters = { priority: 2n ** 64n - 1n, least: -(2n ** 63n), share: -0.25, on: true, text: 'é"' };
    const outputs = [{ name: 'y', parameters: { top: 2n ** 53n + 1n } }];
    const { body } = encodeInferRequest({ parameters, inputs, outputs }, false);
    const model = modelFor(inputs);
    const decoded = decodeInferRequest(body, undefined, {
      ...model,
      outputs: [{ ...inputs[0]!, name: 'y' }],
    });
    expect(decoded).toEqual({ parameters, inputs, outputs });
  });

  it('sends FP16 as binary data beside JSON', () => {
    const inputs: readonly Tensor[] = [
      { name: 'a', datatype: 'FP16', shape: [1], elements: Uint16Array.of(0x3c00) },
      { name: 'b', datatype: 'INT8', shape: [2], elements: Int8Array.of(-1, 5) },
    ];
    const { body, headerLength } = encodeInferRequest({ parameters: {}, inputs }, false);
    expect(body.byteLength - headerLength!).toBe(2);
    expect(decodeInferRequest(body, headerLength, modelFor(inputs)).inputs).toEqual(inputs);
  });
});

describe('a response that is encoded and decoded', () => {
  const responseOf = (outputs: readonly Tensor[]): InferResponse => ({
    modelName: 'm',
    modelVersion: '2',
    id: 'i',
    parameters: { threshold: 0.25, sequence_id: 2n ** 64n - 1n },
    outputs,
  });

  it('is the same, in binary', () => {
    void fc.assert(
      fc.property(pairOf(), fc.nat(8), (outputs, by) => {
        const encoded = encodeInferResponse(responseOf(outputs), {
          parameters: { binary_data_output: true },
        });
        expect(decodeInferResponse(shifted(encoded, by), encoded.headerLength)).toEqual(responseOf(outputs));
      }),
      { numRuns: 300 },
    );
  });

  it('is the same, in JSON', () => {
    void fc.assert(
      fc.property(pairOf(IN_JSON), (outputs) => {
        const { body, headerLength } = encodeInferResponse(responseOf(outputs), { parameters: {} });
        expect(decodeInferResponse(body, headerLength)).toEqual(responseOf(outputs));
      }),
      { numRuns: 300 },
    );
  });
});
