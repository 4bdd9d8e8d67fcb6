import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ServingError } from '../../src/config/errors.ts';
import { decodeInferRequest } from '../../src/protocol/decode-request.ts';
import { encodeInferRequest } from '../../src/protocol/encode-request.ts';
import { countElements } from '../../src/protocol/shape.ts';
import { tensors } from './arbitraries.ts';
import { modelOf } from './encoding.ts';

/** Decodes, and asserts that whatever is accepted is sound and whatever is not is the client's fault. */
function check(body: Uint8Array, headerLength: number | undefined, model: ReturnType<typeof modelOf>): void {
  try {
    const { inputs } = decodeInferRequest(body, headerLength, model);
    expect(inputs.map((input) => input.name).sort()).toEqual(['a', 'b']);
    for (const { shape, elements } of inputs) expect(elements.length).toBe(countElements(shape));
  } catch (error) {
    if (!(error instanceof ServingError)) throw error;
    expect(error.code).toBe('INVALID_REQUEST');
    expect(error.message.length).toBeLessThan(400);
  }
}

describe('decodeInferRequest on requests that were altered', () => {
  const request = fc.record({
    inputs: fc.tuple(tensors('a'), tensors('b')),
    isBinary: fc.boolean(),
    edits: fc.array(fc.record({ at: fc.nat(), byte: fc.nat(255), isCut: fc.boolean() }), { maxLength: 3 }),
    shift: fc.integer({ min: -3, max: 3 }),
  });

  it('accepts only what is sound', () => {
    void fc.assert(
      fc.property(request, ({ inputs, isBinary, edits, shift }) => {
        const specs = inputs.map(({ name, datatype, shape }) => ({
          name,
          datatype,
          shape: shape.map(() => -1),
        }));
        const encoded = encodeInferRequest({ parameters: {}, inputs }, isBinary);
        let body = encoded.body;
        for (const { at, byte, isCut } of edits) {
          const position = at % body.byteLength;
          if (isCut) body = Uint8Array.of(...body.subarray(0, position), ...body.subarray(position + 1));
          else body[position] = byte;
        }
        const { headerLength } = encoded;
        check(
          body,
          headerLength === undefined ? undefined : Math.max(0, headerLength + shift),
          modelOf(...specs),
        );
      }),
      { numRuns: 2000 },
    );
  });

  it('accepts only what is sound of a text put together from the protocol’s words', () => {
    const word = fc.constantFrom(
      ...'{}[],:'.split(''),
      ...['inputs', 'outputs', 'data', 'name', 'shape', 'datatype', 'parameters', 'a', 'b', 'FP32'].map(
        (key) => `"${key}"`,
      ),
      ...[
        '"data":[',
        '"shape":[1]',
        '"name":"a"',
        '1',
        '-0',
        '1e39',
        'NaN',
        '-Infinity',
        'true',
        'null',
        '"',
      ],
    );
    const model = modelOf(
      { name: 'a', datatype: 'FP32', shape: [-1] },
      { name: 'b', datatype: 'INT8', shape: [] },
    );
    void fc.assert(
      fc.property(fc.array(word, { maxLength: 40 }), (words) => {
        check(new TextEncoder().encode(`{"inputs":[{${words.join('')}`), undefined, model);
      }),
      { numRuns: 2000 },
    );
  });
});
