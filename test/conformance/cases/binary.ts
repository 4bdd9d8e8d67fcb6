import { expect } from 'vitest';
import { binaryRequest, inputText, requestText } from '../../transport/http/v2-requests.ts';
import type { ConformanceCase } from '../case.ts';
import { expectRefusal, outputsOf } from '../expectations.ts';
import { anyOf } from '../models.ts';
import { asJson, binaryInput, HEADER_LENGTH, ROW, responseOf, type TensorText } from '../requests.ts';

const floats = ROW.bytes as Float32Array;
const raw = (bytes: Uint8Array) => ({ body: bytes, headers: { [HEADER_LENGTH]: '0' } });
const inBytes = (view: ArrayBufferView) => new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
const whole = String(asJson([ROW]).body);
const X0: TensorText = { name: 'x0', shape: '[1,2]', data: '[0.5,2]', bytes: Float32Array.of(0.5, 2) };
const X1: TensorText = {
  name: 'x1',
  datatype: 'INT32',
  shape: '[1,2]',
  data: '[7,-8]',
  bytes: Int32Array.of(7, -8),
};
const jsonInput = ({ name, datatype, shape, data }: TensorText) =>
  inputText({ name: `"${name}"`, datatype: `"${datatype ?? 'FP32'}"`, shape: shape!, data });

/** Cases 56–68: binary tensor data. */
export const BINARY_CASES: readonly ConformanceCase[] = [
  {
    number: 56,
    title: 'no Content-Type',
    source: 'T',
    answer: 'the body is read all the same: the reference client sends none.',
    checks: {
      JSON: async (lab) =>
        expect(outputsOf(await (await lab.server('rows')).send(asJson([ROW])))).toEqual({ y: floats }),
      binary: async (lab) => {
        const sent = binaryRequest(requestText([binaryInput(ROW)]), floats);
        expect(outputsOf(await (await lab.server('rows')).send(sent))).toEqual({ y: floats });
      },
    },
  },
  {
    number: 57,
    title: 'no `Inference-Header-Content-Length`',
    source: 'T',
    answer: 'all of the body is JSON, whatever the Content-Type; binary data is then 400.',
    checks: {
      JSON: async (lab) => {
        const headers = { 'Content-Type': 'application/octet-stream' };
        const answer = await (await lab.server('rows')).send({ ...asJson([ROW]), headers });
        expect(answer.headers[HEADER_LENGTH]).toBeUndefined();
        expect([outputsOf(answer), answer.headers['content-type']]).toEqual([
          { y: floats },
          'application/json',
        ]);
      },
      binary: async (lab) => {
        const server = await lab.server('rows');
        const head = requestText([binaryInput(ROW)]);
        await expectRefusal(
          server,
          { body: head },
          /'binary_data_size' is 16, 0 bytes of binary data remain$/,
        );
        await expectRefusal(server, { body: binaryRequest(head, floats).body }, /malformed JSON/);
      },
    },
  },
  {
    number: 58,
    title: 'that header negative, beyond the body, no number, or 2^31',
    source: 'T',
    answer: '400, and the server stays live.',
    checks: {
      binary: async (lab) => {
        const server = await lab.server('rows');
        const lengths = ['-1', '1e3', 'abc', '0x10', '1.5', '+5', ' ', '2147483648', '9'.repeat(30), '10000'];
        for (const length of lengths) {
          const sent = { body: whole, headers: { [HEADER_LENGTH]: length } };
          await expectRefusal(server, sent, /^header('.*' is '| length \d+ exceeds| 'Inference)/i);
        }
        const cut = { body: whole, headers: { [HEADER_LENGTH]: String(whole.length - 1) } };
        await expectRefusal(server, cut, /^malformed JSON/);
      },
    },
  },
  {
    number: 59,
    title: 'that header 0: one raw tensor',
    source: 'T',
    answer: 'the body is the only input’s elements, outputs are binary; 400 for a model of several inputs.',
    checks: {
      binary: async (lab) => {
        const answer = await (await lab.server('rows')).send(raw(inBytes(floats)));
        expect(responseOf(answer).outputs).toEqual([
          { name: 'y', datatype: 'FP32', shape: [1, 4], elements: floats },
        ]);
        const word = await (await lab.server(anyOf('BYTES'))).send(raw(Buffer.from('whole')));
        expect(outputsOf(word)).toEqual({ y: [Uint8Array.from(Buffer.from('whole'))] });
        await expectRefusal(await lab.server('pair'), raw(new Uint8Array(16)), /model 'pair' has 2$/);
      },
    },
  },
  {
    number: 60,
    title: 'raw tensor with several variable dimensions',
    source: 'T',
    answer: '400: one can be deduced, two cannot.',
    checks: {
      binary: async (lab) =>
        expectRefusal(
          await lab.server('grid'),
          raw(new Uint8Array(16)),
          /the 2 variable dimensions of \[-1,-1\]$/,
        ),
    },
  },
  {
    number: 61,
    title: 'short tensor, trailing bytes',
    source: 'T',
    answer: '400 with the number of bytes, for raw tensors too.',
    checks: {
      binary: async (lab) => {
        const server = await lab.server('rows');
        const head = requestText([binaryInput(ROW)]);
        const send = (bytes: number, reason: RegExp) =>
          expectRefusal(server, binaryRequest(head, new Uint8Array(bytes)), reason);
        await send(12, /'binary_data_size' is 16, 12 bytes of binary data remain$/);
        await send(0, /'binary_data_size' is 16, 0 bytes of binary data remain$/);
        await send(20, /^4 bytes of binary data belong to no tensor$/);
        await expectRefusal(server, raw(new Uint8Array(12)), /do not fill shape \[-1,4\]$/);
        await expectRefusal(server, raw(new Uint8Array(15)), /do not fill shape \[-1,4\]$/);
      },
    },
  },
  {
    number: 62,
    title: '`binary_data_size` that is not the shape’s',
    source: 'T',
    answer: '400 with both numbers; a size that is no natural number is 400 too.',
    checks: {
      binary: async (lab) => {
        const server = await lab.server('rows');
        for (const size of [12, 20]) {
          const sent = binaryRequest(requestText([binaryInput(ROW, size)]), new Uint8Array(size));
          await expectRefusal(server, sent, new RegExp(`${size} bytes, 4 elements of FP32 need 16$`));
        }
        for (const size of ['-1', '1.5', '"16"', 'true', '1e400']) {
          const sent = binaryRequest(requestText([binaryInput(ROW, size)]), floats);
          await expectRefusal(server, sent, /must be a non-negative integer$|out of range$/);
        }
      },
    },
  },
  {
    number: 63,
    title: 'JSON and binary inputs in one request',
    source: 'T',
    answer: '200, in either order.',
    checks: {
      binary: async (lab) => {
        const server = await lab.server('pair');
        for (const inputs of [
          [binaryInput(X0), jsonInput(X1)],
          [jsonInput(X1), binaryInput(X0)],
        ]) {
          const answer = await server.send(binaryRequest(requestText(inputs), X0.bytes));
          expect(outputsOf(answer)).toEqual({ y0: X0.bytes, y1: X1.bytes });
        }
      },
    },
  },
  {
    number: 64,
    title: 'both `data` and `binary_data_size`',
    source: 'D',
    answer: '400: two values for one tensor is a mistake.',
    checks: {
      binary: async (lab) => {
        const both = binaryInput(ROW).replace('"parameters"', '"data":[1,2,3,4],"parameters"');
        const sent = binaryRequest(requestText([both]), floats);
        await expectRefusal(await lab.server('rows'), sent, /both 'data' and 'binary_data_size' are given$/);
      },
    },
  },
  {
    number: 65,
    title: 'tensor at a misaligned offset',
    source: 'D',
    answer: 'correct at every offset, for elements of one to eight bytes.',
    checks: {
      binary: async (lab) => {
        const pair = await lab.server('pair');
        const doubles = await lab.server(anyOf('FP64'));
        const double = { datatype: 'FP64', shape: '[2]', data: '', bytes: Float64Array.of(Math.PI, -1e300) };
        for (let pad = 0; pad < 8; pad++) {
          const id = `"id":"${'i'.repeat(pad)}"`;
          const two = binaryRequest(requestText([binaryInput(X0), binaryInput(X1)], id), X0.bytes, X1.bytes);
          expect(outputsOf(await pair.send(two))).toEqual({ y0: X0.bytes, y1: X1.bytes });
          const one = binaryRequest(requestText([binaryInput(double)], id), double.bytes);
          expect(outputsOf(await doubles.send(one))).toEqual({ y: double.bytes });
        }
      },
    },
  },
  {
    number: 66,
    title: 'BYTES with a truncated length prefix',
    source: 'T',
    answer: '400, as is a length that claims more bytes than there are.',
    checks: {
      binary: async (lab) => {
        const server = await lab.server(anyOf('BYTES'));
        const words = (...bytes: readonly number[]) => {
          const tensor = { datatype: 'BYTES', shape: '[1]', data: '', bytes: Uint8Array.from(bytes) };
          return binaryRequest(requestText([binaryInput(tensor)]), tensor.bytes);
        };
        await expectRefusal(server, words(1, 0, 0), /3 bytes cannot hold 1 elements of BYTES$/);
        await expectRefusal(server, words(5, 0, 0, 0, 65), /element 0 claims 5 bytes, 1 remain$/);
        await expectRefusal(
          server,
          words(255, 255, 255, 255),
          /element 0 claims 4294967295 bytes, 0 remain$/,
        );
        await expectRefusal(server, words(0, 0, 0, 0, 65), /1 bytes follow the last of 1 elements$/);
        expect(outputsOf(await server.send(words(1, 0, 0, 0, 65)))).toEqual({ y: [Uint8Array.of(65)] });
      },
    },
  },
  {
    number: 67,
    title: '`binary_data` of one output',
    source: 'T',
    answer: 'overrides `binary_data_output`, whichever way.',
    checks: {
      binary: async (lab) => {
        const server = await lab.server('pair');
        for (const [ofAll, ofFirst] of [
          [true, false],
          [false, true],
        ]) {
          const rest = `"parameters":{"binary_data_output":${ofAll}},"outputs":[{"name":"y0","parameters":{"binary_data":${ofFirst}}},{"name":"y1"}]`;
          const answer = await server.send(asJson([X0, X1], rest));
          expect(outputsOf(answer)).toEqual({ y0: X0.bytes, y1: X1.bytes });
          const head = answer.body.subarray(0, Number(answer.headers[HEADER_LENGTH])).toString();
          const isBinary = JSON.parse(head).outputs.map((output: object) => !('data' in output));
          expect(isBinary).toEqual([ofFirst, ofAll]);
        }
      },
    },
  },
  {
    number: 68,
    title: 'form of a binary response',
    source: 'T',
    answer: '`application/octet-stream`, with the exact length of its JSON in the header.',
    checks: {
      binary: async (lab) => {
        const answer = await (await lab.server('rows')).send(raw(inBytes(floats)));
        const length = Number(answer.headers[HEADER_LENGTH]);
        expect(answer.headers['content-type']).toBe('application/octet-stream');
        expect(answer.body.byteLength).toBe(length + 16);
        expect(Number(answer.headers['content-length'])).toBe(length + 16);
        const { outputs } = JSON.parse(answer.body.subarray(0, length).toString());
        expect(outputs).toEqual([
          { name: 'y', datatype: 'FP32', shape: [1, 4], parameters: { binary_data_size: 16 } },
        ]);
      },
    },
  },
];
