import { describe, expect, it } from 'vitest';
import { decodeInferRequest } from '../../../src/protocol/decode-request.ts';
import type { TensorSpec } from '../../../src/protocol/types.ts';
import { checkBatch, inferPath, inferRequests } from '../../../src/tools/bench/infer-requests.ts';
import { announcementIn } from '../../../src/tools/bench/server-process.ts';
import { inputRows } from '../../../src/tools/inputs/input-rows.ts';

const SPEC: TensorSpec = { name: 'x', datatype: 'FP32', shape: [-1, 2] };
const MODEL = { name: 'm', versions: ['1'], platform: 'p', inputs: [SPEC], outputs: [] };

function rowsOf(count: number) {
  const elements = Float32Array.from({ length: 2 * count }, (_, i) => i);
  return inputRows([SPEC], new Map([['x', { path: 'x.npy', shape: [count, 2], dtype: 'f4', elements }]]));
}

describe('inferRequests', () => {
  it.each(['binary', 'json'] as const)('puts other rows into every %s request', (form) => {
    const requests = inferRequests(rowsOf(5), 2, form);
    expect(requests).toHaveLength(2);
    const elements = requests.map(({ body, headers }) => {
      const length = headers['Inference-Header-Content-Length'];
      const headerLength = length === undefined ? undefined : Number(length);
      return decodeInferRequest(body, headerLength, MODEL).inputs[0]!.elements;
    });
    expect(elements).toEqual([Float32Array.of(0, 1, 2, 3), Float32Array.of(4, 5, 6, 7)]);
  });

  it('asks for binary answers to binary requests only', () => {
    const [binary] = inferRequests(rowsOf(1), 1, 'binary');
    const length = Number(binary!.headers['Inference-Header-Content-Length']);
    expect(decodeInferRequest(binary!.body, length, MODEL).parameters).toEqual({ binary_data_output: true });
    const [json] = inferRequests(rowsOf(1), 1, 'json');
    expect(JSON.parse(json!.body.toString())).not.toHaveProperty('parameters.binary_data_output');
    expect(json!.headers).toEqual({ 'Content-Type': 'application/json' });
  });

  it('stops at 256 requests', () => {
    expect(inferRequests(rowsOf(1000), 1, 'binary')).toHaveLength(256);
  });

  it('quotes the model in the path', () => {
    expect(inferPath('a b')).toBe('/v2/models/a%20b/infer');
  });
});

describe('checkBatch', () => {
  it('refuses what does not fit', () => {
    expect(() => checkBatch([SPEC], 4, 4)).not.toThrow();
    expect(() => checkBatch([SPEC], 4, 5)).toThrow('a batch of 5 needs as many rows, the inputs have 4');
    expect(() => checkBatch([{ ...SPEC, shape: [1, 2] }], 4, 2)).toThrow(
      "input 'x' has a fixed first dimension of 1: a batch of 2 does not fit",
    );
  });
});

describe('announcementIn', () => {
  it('finds the address in the log', () => {
    const line = JSON.stringify({ level: 30, url: 'http://127.0.0.1:1', model: 'm', msg: 'serving' });
    expect(announcementIn(line)).toEqual({ url: 'http://127.0.0.1:1', model: 'm' });
  });

  it.each(['', 'no log', '{"msg":"serving"}', '{"msg":"other","url":"u","model":"m"}', '{broken'])(
    'finds none in %j',
    (line) => {
      expect(announcementIn(line)).toBeUndefined();
    },
  );
});
