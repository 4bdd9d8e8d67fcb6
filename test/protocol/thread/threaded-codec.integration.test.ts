import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ServingError } from '../../../src/config/errors.ts';
import { decodeInferRequest } from '../../../src/protocol/decode-request.ts';
import { encodeInferRequest } from '../../../src/protocol/encode-request.ts';
import { encodeInferResponse } from '../../../src/protocol/encode-response.ts';
import { MAX_STRINGS } from '../../../src/protocol/shape.ts';
import { CodecPool } from '../../../src/protocol/thread/codec-pool.ts';
import { ThreadedCodec } from '../../../src/protocol/thread/threaded-codec.ts';
import type { InferRequest, InferResponse } from '../../../src/protocol/types.ts';
import { until } from '../../transport/http/until.ts';
import { tensors } from '../arbitraries.ts';
import { modelOf } from '../encoding.ts';

const codec = new ThreadedCodec();

/** What came of something: its result, or the error that a client would see. */
async function outcomeOf<T>(work: () => T | Promise<T>): Promise<unknown> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof ServingError) return `${error.code}: ${error.message}`;
    throw error;
  }
}

describe('in a thread of its own', () => {
  const request = fc.record({
    inputs: fc.tuple(tensors('a'), tensors('b')),
    isBinary: fc.boolean(),
    edits: fc.array(fc.record({ at: fc.nat(), byte: fc.nat(255) }), { maxLength: 2 }),
    maxBatch: fc.option(fc.nat(4), { nil: undefined }),
  });

  it('requests are decoded, or refused, to the same result as on the thread that serves', async () => {
    await fc.assert(
      fc.asyncProperty(request, async ({ inputs, isBinary, edits, maxBatch }) => {
        const specs = inputs.map(({ name, datatype, shape }) => ({
          name,
          datatype,
          shape: shape.map(() => -1),
        }));
        const { headerLength, ...encoded } = encodeInferRequest({ parameters: { a: 1 }, inputs }, isBinary);
        const body = new Uint8Array(encoded.body);
        for (const { at, byte } of edits) body[at % body.byteLength] = byte;
        const model = modelOf(...specs);
        const expected = await outcomeOf(() =>
          decodeInferRequest(body.slice(), headerLength, model, { maxBatch }),
        );
        const sent = body.slice();
        const found = await outcomeOf(() => codec.decode(sent, headerLength, model, { maxBatch }));
        if (typeof expected === 'string') expect(found).toBe(expected);
        else expect(found).toEqual({ request: expected, body });
      }),
      { numRuns: 1000 },
    );
  });

  it('responses are encoded, or refused, to the same bytes as on the thread that serves', async () => {
    const response = fc.record({
      outputs: fc.tuple(tensors('y'), tensors('z')),
      asked: fc.constantFrom<InferRequest['outputs']>(
        undefined,
        [],
        [{ name: 'z', parameters: {} }],
        [
          { name: 'z', parameters: { binary_data: true } },
          { name: 'y', parameters: { binary_data: false } },
        ],
        [{ name: 'none', parameters: {} }],
      ),
      isBinary: fc.boolean(),
      nonFinite: fc.constantFrom('bare' as const, 'error' as const),
    });
    await fc.assert(
      fc.asyncProperty(response, async ({ outputs, asked, isBinary, nonFinite }) => {
        const given: InferResponse = {
          modelName: 'm',
          modelVersion: '1',
          parameters: { threshold: 0 },
          outputs,
        };
        const parameters = { binary_data_output: isBinary };
        const wanted = asked === undefined ? { parameters } : { parameters, outputs: asked };
        const before = structuredClone(given);
        const expected = await outcomeOf(() => {
          const encoded = encodeInferResponse(given, wanted, nonFinite);
          return { ...encoded, body: new Uint8Array(encoded.body) };
        });
        const found = await outcomeOf(() => codec.encode(given, wanted, nonFinite));
        expect(found).toEqual(expected);
        // Whoever else reads the outputs still can.
        expect(given).toEqual(before);
      }),
      { numRuns: 500 },
    );
  });

  it('as many strings as there may be go there and back', async () => {
    const text = `{"inputs":[{"name":"s","datatype":"BYTES","shape":[${MAX_STRINGS}],"data":[${Array(MAX_STRINGS).fill('"ab"')}]}]}`;
    const model = modelOf({ name: 's', datatype: 'BYTES', shape: [-1] });
    const { request } = await codec.decode(Buffer.from(text), undefined, model, {});
    const [strings] = request.inputs;
    expect(strings!.elements).toHaveLength(MAX_STRINGS);
    expect(strings!.elements[MAX_STRINGS - 1]).toEqual(Uint8Array.of(97, 98));
  });
});

describe('the pool of threads', () => {
  const model = modelOf({ name: 'x', datatype: 'FP32', shape: [-1] });
  const body = (count: number) =>
    new Uint8Array(
      Buffer.from(
        `{"inputs":[{"name":"x","datatype":"FP32","shape":[${count}],"data":[${Array(count).fill(1.5)}]}]}`,
      ),
    );
  const decode = (pool: CodecPool, count: number, signal?: AbortSignal) =>
    new ThreadedCodec(pool).decode(body(count), undefined, model, {}, signal);

  it('is as large as there is work for, at most, and lets idle threads go', async () => {
    const pool = new CodecPool({ maxThreads: 2, idleMs: 50 });
    expect(pool.threads).toBe(0);
    const all = Array.from({ length: 6 }, (_, i) => decode(pool, 10 + i));
    expect(pool.threads).toBe(2);
    const decoded = await Promise.all(all);
    expect(decoded.map(({ request }) => request.inputs[0]!.elements.length)).toEqual([
      10, 11, 12, 13, 14, 15,
    ]);
    await until(() => pool.threads === 0);
    expect((await decode(pool, 3)).request.inputs[0]!.elements).toEqual(Float32Array.of(1.5, 1.5, 1.5));
  });

  it('refuses what would wait beyond its limit, and forgets what nobody waits for', async () => {
    const pool = new CodecPool({ maxThreads: 1, maxWaitingBytes: 1_000_000 });
    const first = decode(pool, 100_000);
    const gone = new AbortController();
    const second = decode(pool, 200_000, gone.signal);
    await expect(decode(pool, 100_000)).rejects.toMatchObject({ code: 'OVERLOADED' });
    gone.abort();
    await expect(second).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    await first;
    expect((await decode(pool, 100_000)).request.inputs[0]!.elements).toHaveLength(100_000);
  });
});
