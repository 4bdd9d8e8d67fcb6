import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { decodeInferResponse } from '../../../src/protocol/decode-response.ts';
import { type Answer, type Sent, type SocketServer, startSocketServer } from './socket-client.ts';
import { binaryRequest, inputText, requestText } from './v2-requests.ts';

let server: SocketServer;
beforeAll(async () => {
  server = await startSocketServer();
});
afterAll(() => server.close());

const HEADER = 'inference-header-content-length';

function decoded({ headers, body }: Answer) {
  const length = headers[HEADER];
  return decodeInferResponse(body, length === undefined ? undefined : Number(length));
}

async function refused(sent: Sent): Promise<string> {
  const { status, headers, body } = await server.send(sent);
  expect([status, headers['content-type']]).toEqual([400, 'application/json']);
  expect((await server.send({ path: '/v2/health/live', method: 'GET' })).status).toBe(200);
  return JSON.parse(body.toString()).error;
}

const floats = Float32Array.of(1, -2.5, Number.NaN, -0);
function input(size: number, name = 'x', datatype = 'FP32', shape = '[1,4]'): string {
  return `{"name":"${name}","datatype":"${datatype}","shape":${shape},"parameters":{"binary_data_size":${size}}}`;
}
const whole = requestText([inputText()]);

describe('binary tensor data', () => {
  it('case 56: needs no Content-Type; case 57: without the header all of the body is JSON', async () => {
    const answer = await server.send({ body: whole });
    expect(answer.status).toBe(200);
    expect(answer.headers['content-type']).toBe('application/json');
    expect(answer.headers[HEADER]).toBeUndefined();
    expect(Number(answer.headers['content-length'])).toBe(answer.body.byteLength);
    expect(decoded(answer).outputs[0]!.elements).toEqual(Float32Array.of(1, 2, 3, 4));
  });

  it.each(['-1', '1e3', 'abc', '0x10', '1.5', '+5', ' ', '2147483648', '99999999999999999999', '100000'])(
    'case 58: refuses the header length %j',
    async (length) => {
      const error = await refused({ body: whole, headers: { [HEADER]: length } });
      expect(error).toMatch(
        /^(header 'Inference-Header-Content-Length' is|header length \d+ exceeds the body)/,
      );
    },
  );

  it('case 58: refuses a header length that cuts the JSON', async () => {
    expect(await refused({ body: whole, headers: { [HEADER]: String(whole.length - 1) } })).toContain(
      'malformed JSON',
    );
  });

  it('case 59: takes one raw tensor and answers in binary', async () => {
    const answer = await server.send({ body: new Uint8Array(floats.buffer), headers: { [HEADER]: '0' } });
    expect(answer.headers['content-type']).toBe('application/octet-stream');
    expect(decoded(answer).outputs).toEqual([
      { name: 'y', datatype: 'FP32', shape: [1, 4], elements: floats },
    ]);
  });

  it('case 59: refuses a raw tensor for several inputs; case 60: for several variable dimensions', async () => {
    const raw = { body: new Uint8Array(8), headers: { [HEADER]: '0' } };
    expect(await refused({ ...raw, path: '/v2/models/pair/infer' })).toContain('a model of one input');
    expect(await refused({ ...raw, path: '/v2/models/grid/infer' })).toContain('2 variable dimensions');
  });

  it('case 61, 62, 64: refuses bytes that are not the tensor', async () => {
    const send = (header: string, bytes: number) => refused(binaryRequest(header, new Uint8Array(bytes)));
    const { FP32 } = { FP32: (size: number) => requestText([input(size)]) };
    expect(await send(FP32(16), 12)).toBe(
      "input 'x': 'binary_data_size' is 16, 12 bytes of binary data remain",
    );
    expect(await send(FP32(12), 12)).toBe("input 'x': 12 bytes, 4 elements of FP32 need 16");
    expect(await send(FP32(16), 20)).toBe('4 bytes of binary data belong to no tensor');
    expect(await send(FP32(20), 20)).toBe("input 'x': 20 bytes, 4 elements of FP32 need 16");
    const both = requestText([input(16).replace('"parameters"', '"data":[1,2,3,4],"parameters"')]);
    expect(await send(both, 16)).toBe("input 'x': both 'data' and 'binary_data_size' are given");
    expect(await send(whole, 1)).toBe('1 bytes of binary data belong to no tensor');
    for (const size of ['-1', '1.5', '"16"', 'true']) {
      const header = requestText([input(16).replace(':16', `:${size}`)]);
      expect(await send(header, 16)).toContain("parameter 'binary_data_size' must be a non-negative integer");
    }
  });

  it('case 63: mixes JSON and binary inputs, in either order', async () => {
    const path = '/v2/models/pair/infer';
    const inBinary = input(8, 'x0', 'FP32', '[1,2]');
    const inJson = inputText({ name: '"x1"', datatype: '"INT32"', shape: '[1,2]', data: '[7,-8]' });
    for (const inputs of [
      [inBinary, inJson],
      [inJson, inBinary],
    ]) {
      const answer = await server.send({
        path,
        ...binaryRequest(requestText(inputs), Float32Array.of(0.5, 2)),
      });
      expect(answer.status).toBe(200);
      const elements = Object.fromEntries(
        decoded(answer).outputs.map((output) => [output.name, output.elements]),
      );
      expect(elements).toEqual({ y0: Float32Array.of(0.5, 2), y1: Int32Array.of(7, -8) });
    }
  });

  it('case 65: reads a tensor at every offset', async () => {
    const path = '/v2/models/pair/infer';
    const bytes = input(8, 'x0', 'FP32', '[1,2]');
    for (let pad = 0; pad < 8; pad++) {
      const header = requestText([bytes, input(8, 'x1', 'INT32', '[1,2]')], `"id":"${'i'.repeat(pad)}"`);
      const answer = await server.send({
        path,
        ...binaryRequest(header, Float32Array.of(1.5, -2), Int32Array.of(3, -4)),
      });
      expect(decoded(answer).outputs.map((output) => output.elements)).toEqual([
        Float32Array.of(1.5, -2),
        Int32Array.of(3, -4),
      ]);
    }
  });

  it('case 65: reads a tensor behind an odd number of bytes, without binary alignment', async () => {
    const header = requestText([input(16)], '"parameters":{"binary_data_output":true}');
    for (const text of [header, `${header} `, `${header}   `]) {
      const answer = await server.send(binaryRequest(text, floats));
      expect(decoded(answer).outputs[0]!.elements).toEqual(floats);
    }
  });

  it('case 66: refuses BYTES with a truncated length prefix', async () => {
    const request = (bytes: Uint8Array) => ({
      path: '/v2/models/any-bytes/infer',
      ...binaryRequest(requestText([input(bytes.byteLength, 'x', 'BYTES', '[1]')]), bytes),
    });
    expect(await refused(request(Uint8Array.of(1, 0, 0)))).toContain(
      '3 bytes cannot hold 1 elements of BYTES',
    );
    expect(await refused(request(Uint8Array.of(5, 0, 0, 0, 65)))).toContain(
      'element 0 claims 5 bytes, 1 remain',
    );
    const answer = await server.send(request(Uint8Array.of(1, 0, 0, 0, 65)));
    expect(decoded(answer).outputs[0]!.elements).toEqual([Uint8Array.of(65)]);
  });

  it('case 67: binary_data of one output overrides binary_data_output', async () => {
    const path = '/v2/models/pair/infer';
    const inputs = [
      inputText({ name: '"x0"', shape: '[1,2]', data: '[1,2]' }),
      inputText({ name: '"x1"', datatype: '"INT32"', shape: '[1,2]', data: '[3,4]' }),
    ];
    const outputs = '"outputs":[{"name":"y0","parameters":{"binary_data":false}},{"name":"y1"}]';
    const body = requestText(inputs, `${outputs},"parameters":{"binary_data_output":true}`);
    const answer = await server.send({ path, body });
    const header = JSON.parse(answer.body.subarray(0, Number(answer.headers[HEADER])).toString());
    expect(header.outputs).toEqual([
      { name: 'y0', datatype: 'FP32', shape: [1, 2], data: [1, 2] },
      { name: 'y1', datatype: 'INT32', shape: [1, 2], parameters: { binary_data_size: 8 } },
    ]);
    expect(answer.body.subarray(-8)).toEqual(Buffer.from(Int32Array.of(3, 4).buffer));
  });

  it.each(['fp16', 'bf16'])(
    'case 68: carries %s in binary, with the exact header length',
    async (datatype) => {
      const bits = Uint16Array.of(0x3c00, 0x7e01, 0x8000);
      const header = requestText(
        [input(6, 'x', datatype.toUpperCase(), '[3]')],
        '"outputs":[{"name":"y","parameters":{"binary_data":true}}]',
      );
      const answer = await server.send({
        path: `/v2/models/any-${datatype}/infer`,
        ...binaryRequest(header, bits),
      });
      expect(answer.headers['content-type']).toBe('application/octet-stream');
      const length = Number(answer.headers[HEADER]);
      expect(answer.body.byteLength).toBe(length + 6);
      expect(answer.body.subarray(length - 1, length).toString()).toBe('}');
      expect(decoded(answer).outputs[0]!.elements).toEqual(bits);
    },
  );
});
