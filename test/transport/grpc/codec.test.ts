import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ServingError } from '../../../src/config/errors.ts';
import { binarySize, decodeBinary, writeBinary } from '../../../src/protocol/binary/binary-codec.ts';
import { DATATYPES } from '../../../src/protocol/datatypes.ts';
import { countElements } from '../../../src/protocol/shape.ts';
import type { InferRequest, ModelMetadata, Parameters, Tensor } from '../../../src/protocol/types.ts';
import { checkedRequest, decodeInferMessage } from '../../../src/transport/grpc/infer-request.ts';
import { encodeInferResponse } from '../../../src/transport/grpc/infer-response.ts';
import { tensors } from '../../protocol/arbitraries.ts';
import { modelOf, refusal } from '../../protocol/encoding.ts';
import { contentsOf, elementsIn } from './contents.ts';
import { decodeResponse, encodeRequest, type InferRequestMessage } from './oracle.ts';

const TYPED = DATATYPES.filter((datatype) => datatype !== 'FP16' && datatype !== 'BF16');

/** A model whose inputs are these tensors, with every dimension variable. */
function modelFor(inputs: readonly Tensor[]): ModelMetadata {
  return modelOf(
    ...inputs.map(({ name, datatype, shape }) => ({ name, datatype, shape: shape.map(() => -1) })),
  );
}

function bytesOf(tensor: Tensor): Uint8Array {
  const bytes = new Uint8Array(binarySize(tensor));
  writeBinary(tensor, bytes, 0);
  return bytes;
}

function describeTensors(all: readonly Tensor[]) {
  return all.map(({ name, datatype, shape }) => ({ name, datatype, shape }));
}

function requestOf(inputs: readonly Tensor[], isRaw: boolean): InferRequestMessage {
  return {
    model_name: 'm',
    inputs: inputs.map((input) => ({
      ...describeTensors([input])[0]!,
      ...(isRaw ? {} : { contents: contentsOf(input) }),
    })),
    ...(isRaw ? { raw_input_contents: inputs.map(bytesOf) } : {}),
  };
}

function read(message: Uint8Array, model: ModelMetadata): InferRequest {
  return checkedRequest(decodeInferMessage(message), model, {});
}

const manyTensors = (datatypes = DATATYPES) =>
  fc.tuple(tensors('x0', datatypes), tensors('x1', datatypes)).map((pair): readonly Tensor[] => pair);

const withoutBuffers = ({ elements, ...rest }: Tensor) => ({
  ...rest,
  elements: ArrayBuffer.isView(elements) ? elements : elements.map((element) => Uint8Array.from(element)),
});

describe('a request', () => {
  it.each([
    ['raw', DATATYPES, true],
    ['typed', TYPED, false],
  ] as const)('with %s contents is read as protobufjs wrote it', (_, datatypes, isRaw) => {
    void fc.assert(
      fc.property(manyTensors(datatypes), (inputs) => {
        const { inputs: found } = read(encodeRequest(requestOf(inputs, isRaw)), modelFor(inputs));
        expect(found.map(withoutBuffers)).toEqual(inputs.map(withoutBuffers));
      }),
    );
  });

  it('keeps its names, its id and the value and type of its parameters', () => {
    const message = decodeInferMessage(
      encodeRequest({
        model_name: 'Wörter',
        model_version: '3',
        id: '日本',
        parameters: {
          pruning: { string_param: 'off' },
          sequence_start: { bool_param: true },
          sequence_end: { bool_param: false },
          priority: { int64_param: '7' },
          sequence_id: { uint64_param: '9007199254740991' },
          most: { uint64_param: '18446744073709551615' },
          least: { int64_param: '-9223372036854775808' },
          share: { double_param: -0.25 },
        },
        inputs: [],
        outputs: [{ name: 'y1', parameters: { binary_data: { bool_param: true } } }, { name: 'y0' }],
      }),
    );
    expect(message).toMatchObject({ model: 'Wörter', version: '3', id: '日本', inputs: [], raw: [] });
    expect(Object.fromEntries(message.parameters)).toEqual({
      pruning: 'off',
      sequence_start: true,
      sequence_end: false,
      priority: 7,
      sequence_id: 2 ** 53 - 1,
      most: 2n ** 64n - 1n,
      least: -(2n ** 63n),
      share: -0.25,
    });
    expect(message.outputs).toEqual([
      { name: 'y1', parameters: new Map([['binary_data', true]]) },
      { name: 'y0', parameters: new Map() },
    ]);
  });

  it('may hold elements one at a time, in several parts, and fields that nobody knows', () => {
    const contents = (write: (writer: BinaryWriter) => void) => {
      const writer = new BinaryWriter();
      write(writer);
      return writer.finish();
    };
    const input = new BinaryWriter();
    input.tag(1, WireType.LengthDelimited).string('x').tag(2, WireType.LengthDelimited).string('FP32');
    input.tag(3, WireType.Varint).int64(3).tag(3, WireType.Varint).int64(1);
    input.tag(5, WireType.LengthDelimited).bytes(
      contents((writer) => {
        writer.tag(6, WireType.Bit32).float(1.5).tag(900, WireType.LengthDelimited).string('?');
        writer.tag(6, WireType.LengthDelimited).fork().float(2.5).join();
      }),
    );
    input
      .tag(5, WireType.LengthDelimited)
      .bytes(contents((writer) => writer.tag(6, WireType.Bit32).float(3.5)));
    const message = new BinaryWriter();
    message.tag(77, WireType.Bit64).fixed64(1).tag(5, WireType.LengthDelimited).bytes(input.finish());
    const model = modelOf({ name: 'x', datatype: 'FP32', shape: [-1, 1] });
    const { inputs } = read(message.finish(), model);
    expect(inputs).toEqual([
      { name: 'x', datatype: 'FP32', shape: [3, 1], elements: Float32Array.of(1.5, 2.5, 3.5) },
    ]);
  });

  it('has elements that do not share memory with other messages, unless they are bytes of its own', () => {
    const x: Tensor = { name: 'x', datatype: 'FP32', shape: [2], elements: Float32Array.of(1, 2) };
    const message = encodeRequest(requestOf([x], false));
    const [found] = read(message, modelFor([x])).inputs;
    message.fill(0);
    expect(found!.elements).toEqual(x.elements);
  });
});

const INT8 = modelOf({ name: 'x', datatype: 'INT8', shape: [-1] });
const FP32 = modelOf({ name: 'x', datatype: 'FP32', shape: [-1] });
const FP16 = modelOf({ name: 'x', datatype: 'FP16', shape: [-1] });
const BYTES = modelOf({ name: 'x', datatype: 'BYTES', shape: [-1] });

describe('a request is refused', () => {
  const one = (
    input: Partial<InferRequestMessage['inputs'][number]>,
    rest: Partial<InferRequestMessage> = {},
  ) =>
    encodeRequest({
      model_name: 'm',
      inputs: [{ name: 'x', datatype: 'FP32', shape: [2], ...input }],
      ...rest,
    });
  it.each([
    [
      'with raw and typed contents',
      one({ contents: { fp32_contents: [1, 2] } }, { raw_input_contents: [new Uint8Array(8)] }),
      FP32,
      "input 'x': both 'contents' and 'raw_input_contents' are given",
    ],
    [
      'with more raw contents than inputs',
      one({}, { raw_input_contents: [new Uint8Array(8), new Uint8Array(8)] }),
      FP32,
      "request: 2 'raw_input_contents' for 1 inputs",
    ],
    [
      'with raw contents of another size',
      one({}, { raw_input_contents: [new Uint8Array(7)] }),
      FP32,
      "input 'x': 7 bytes, 2 elements of FP32 need 8",
    ],
    ['without contents', one({}), FP32, "input 'x': no elements, shape [2] needs 2"],
    [
      'with contents of another datatype',
      one({ contents: { fp64_contents: [1, 2] } }),
      FP32,
      "input 'x': 'fp64_contents' is given, FP32 takes 'fp32_contents'",
    ],
    [
      'with too few elements',
      one({ contents: { fp32_contents: [1] } }),
      FP32,
      "input 'x': 1 elements, shape [2] needs 2",
    ],
    [
      'with too many elements',
      one({ contents: { fp32_contents: [1, 2, 3] } }),
      FP32,
      "input 'x': 3 elements, shape [2] needs 2",
    ],
    [
      'with too few integers',
      one({ datatype: 'INT8', contents: { int_contents: [1] } }),
      INT8,
      "input 'x': 1 elements, shape [2] needs 2",
    ],
    [
      'with too many integers',
      one({ datatype: 'INT8', contents: { int_contents: [1, 2, 3] } }),
      INT8,
      "input 'x': more than 2 elements, shape [2] needs 2",
    ],
    [
      'with an element beyond its datatype',
      one({ datatype: 'INT8', contents: { int_contents: [1, -129] } }),
      INT8,
      "input 'x': element 1 is -129, beyond INT8",
    ],
    [
      'with a shape far beyond its contents, before anything is allocated for it',
      one({ shape: ['1099511627776'], contents: { fp32_contents: [1, 2] } }),
      FP32,
      "input 'x': at most 10 elements, shape [1099511627776] needs 1099511627776",
    ],
    [
      'with a shape whose bytes cannot be counted',
      one({ shape: ['9223372036854775807'], contents: { fp32_contents: [1, 2] } }),
      FP32,
      "input 'x': shape [9223372036854776000] of FP32 exceeds the maximum byte size",
    ],
    [
      'with a negative dimension',
      one({ shape: [-1], contents: { fp32_contents: [1, 2] } }),
      FP32,
      "input 'x': 'shape' holds -1, expected non-negative integers",
    ],
    [
      'with typed half-precision floats',
      one({ datatype: 'FP16', contents: { fp32_contents: [1, 2] } }),
      FP16,
      "input 'x': FP16 has no typed contents, use raw_input_contents",
    ],
    [
      'with bytes cut short in raw form',
      one({ datatype: 'BYTES', shape: [1] }, { raw_input_contents: [Uint8Array.of(9, 0, 0, 0, 1)] }),
      BYTES,
      "input 'x': element 0 claims 9 bytes, 1 remain",
    ],
    [
      'with a parameter that has no value',
      one({ contents: { fp32_contents: [1, 2] } }, { parameters: { odd: {} } }),
      FP32,
      "request: parameter 'odd' must be a string, a number or a boolean",
    ],
    [
      'with a reserved parameter',
      one({ contents: { fp32_contents: [1, 2] } }, { parameters: { triton_x: { int64_param: '1' } } }),
      FP32,
      "request: parameter 'triton_x' is reserved and must not be given",
    ],
    [
      'that points at shared memory',
      one({ parameters: { shared_memory_region: { string_param: 'r' } } }),
      FP32,
      "input 'x': shared memory is not supported",
    ],
  ] as const)('%s', (_, message, model, reason) => {
    expect(refusal(() => read(message, model))).toBe(reason);
  });

  it('of a rank, or with a number of inputs, that only wears out memory', () => {
    const deep = one({ shape: new Array(65).fill(1), contents: { fp32_contents: [1] } });
    expect(refusal(() => read(deep, FP32))).toBe('more than 64 dimensions');
    const empty = new BinaryWriter();
    for (let i = 0; i <= 65_536; i++) empty.tag(5, WireType.LengthDelimited).uint32(0);
    const many = empty.finish();
    expect(refusal(() => read(many, FP32))).toBe('more than 4096 inputs');
  });

  it.each([
    ['parameters', 4, (i: number) => parameterEntry(`p${i}`), 'more than 1024 parameters'],
    ['one parameter again and again', 4, () => parameterEntry('p'), 'more than 65536 fields in one request'],
    ['outputs', 6, (i: number) => nameOf(`o${i}`), 'more than 4096 outputs'],
    ['raw contents', 7, () => new Uint8Array(), 'more than 4096 raw_input_contents'],
    ['fields of no meaning', 99, () => new Uint8Array(), 'more than 65536 fields in one request'],
    ['inputs with many parameters', 5, fullInput, 'more than 65536 fields in one request'],
  ])('refuses too many %s while it reads', (_what, field, part, message) => {
    const writer = new BinaryWriter();
    for (let i = 0; i < (field === 5 ? 100 : 70_000); i++)
      writer.tag(field, WireType.LengthDelimited).bytes(part(i));
    expect(refusal(() => read(writer.finish(), FP32))).toBe(message);
  });

  it('where a field has another wire type than its own, or its text is no UTF-8', () => {
    const number = new BinaryWriter().tag(1, WireType.Varint).uint32(7).finish();
    expect(refusal(() => read(number, FP32))).toBe(
      'malformed message: field 1 holds a varint, expected a length and bytes',
    );
    const latin = new BinaryWriter()
      .tag(1, WireType.LengthDelimited)
      .bytes(Uint8Array.of(0xc3, 0x28))
      .finish();
    expect(refusal(() => read(latin, FP32))).toBe(
      'malformed message: the bytes are not a protobuf message of this type',
    );
  });

  it('with a reason, wherever it is cut off or changed, and with nothing but a reason', () => {
    const inputs: readonly Tensor[] = [
      { name: 'x', datatype: 'INT64', shape: [3], elements: BigInt64Array.of(-1n, 2n ** 62n, 3n) },
      { name: 'w', datatype: 'BYTES', shape: [2], elements: [Buffer.from('ab'), Buffer.from('')] },
      { name: 'f', datatype: 'FP64', shape: [1], elements: Float64Array.of(1e300) },
    ];
    const model = modelFor(inputs);
    const rest = { id: 'i', parameters: { timeout: { int64_param: '5' } }, outputs: [{ name: 'y' }] };
    const outcome = (message: Uint8Array) => {
      try {
        read(message, model);
      } catch (error) {
        expect(error).toBeInstanceOf(ServingError);
        expect((error as ServingError).code).toBe('INVALID_REQUEST');
      }
    };
    for (const isRaw of [true, false]) {
      const message = encodeRequest({ ...requestOf(inputs, isRaw), ...rest });
      for (let end = 0; end < message.byteLength; end++) outcome(message.subarray(0, end));
      void fc.assert(
        fc.property(fc.nat(message.byteLength - 1), fc.nat(255), fc.nat(255), (at, first, second) => {
          const changed = Uint8Array.from(message);
          changed[at] = first;
          changed[(at * 7 + second) % message.byteLength] = second;
          outcome(changed);
        }),
        { numRuns: 2000 },
      );
    }
  });
});

describe('a response', () => {
  const responseOf = (outputs: readonly Tensor[], parameters: Parameters = {}) => ({
    modelName: 'm',
    modelVersion: '4',
    parameters,
    outputs,
  });

  it.each([
    ['raw', DATATYPES, true],
    ['typed', TYPED, false],
  ] as const)('with %s contents is what protobufjs reads', (_, datatypes, isRaw) => {
    void fc.assert(
      fc.property(manyTensors(datatypes), (outputs) => {
        const message = decodeResponse(encodeInferResponse(responseOf(outputs), {}, isRaw));
        expect(message.outputs.map(({ shape }) => shape.map(Number))).toEqual(
          outputs.map(({ shape }) => shape),
        );
        expect(message.raw_output_contents).toHaveLength(isRaw ? 2 : 0);
        const found = outputs.map((output, i) => ({
          ...output,
          elements: isRaw
            ? decodeBinary('y', output.datatype, countElements(output.shape), message.raw_output_contents[i]!)
            : elementsIn(output.datatype, message.outputs[i]!.contents!),
        }));
        expect(found.map(withoutBuffers)).toEqual(outputs.map(withoutBuffers));
      }),
    );
  });

  it('is raw as a whole where one output has no typed contents', () => {
    const outputs: readonly Tensor[] = [
      { name: 'y0', datatype: 'FP32', shape: [1], elements: Float32Array.of(1) },
      { name: 'y1', datatype: 'FP16', shape: [1], elements: Uint16Array.of(0x3c00) },
    ];
    const message = decodeResponse(encodeInferResponse(responseOf(outputs), {}, false));
    expect(message.outputs.map(({ contents }) => contents)).toEqual([undefined, undefined]);
    expect(message.raw_output_contents.map((bytes) => [...bytes])).toEqual([
      [0, 0, 0x80, 0x3f],
      [0, 0x3c],
    ]);
  });

  it('holds the outputs asked for in the order asked, its id, and parameters of a type that is their own', () => {
    const y = (name: string): Tensor => ({
      name,
      datatype: 'INT32',
      shape: [1],
      elements: Int32Array.of(-5),
    });
    const parameters = { threshold: 0, kind: 'dense', isPruned: false };
    const response = { ...responseOf([y('y0'), y('y1')], parameters), id: 'q' };
    const asked = { outputs: [{ name: 'y1', parameters: {} }] };
    const message = decodeResponse(encodeInferResponse(response, asked, false));
    expect([message.model_name, message.model_version, message.id]).toEqual(['m', '4', 'q']);
    expect(message.outputs.map(({ name }) => name)).toEqual(['y1']);
    expect(message.parameters).toEqual({
      threshold: { double_param: 0, parameter_choice: 'double_param' },
      kind: { string_param: 'dense', parameter_choice: 'string_param' },
      isPruned: { bool_param: false, parameter_choice: 'bool_param' },
    });
  });
});

function nameOf(name: string): Uint8Array {
  return new BinaryWriter().tag(1, WireType.LengthDelimited).string(name).finish();
}

function parameterEntry(name: string): Uint8Array {
  const value = new BinaryWriter().tag(1, WireType.Varint).bool(true).finish();
  return Buffer.concat([
    nameOf(name),
    new BinaryWriter().tag(2, WireType.LengthDelimited).bytes(value).finish(),
  ]);
}

const FULL_INPUT = (() => {
  const writer = new BinaryWriter();
  for (let i = 0; i < 1000; i++) writer.tag(4, WireType.LengthDelimited).bytes(parameterEntry(`p${i}`));
  return writer.finish();
})();

function fullInput(): Uint8Array {
  return FULL_INPUT;
}
