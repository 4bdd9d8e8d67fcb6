import { create } from '@bufbuild/protobuf';
import { TensorProto_DataType, ValueInfoProtoSchema } from 'onnx-buf';
import { expect, it } from 'vitest';
import type { ServingError } from '../../src/config/errors.ts';
import { instrument } from '../../src/onnx/instrument.ts';
import { decodeModel } from '../../src/onnx/model-file.ts';
import { modelSignature } from '../../src/onnx/signature.ts';
import { FLOAT, FLOAT16, INT64, model, node, tensor, value } from './models.ts';

const nodes = [node('Relu', ['x'], 'a'), node('Abs', ['a'], 'y')];

it('tells inputs and outputs, variable dimensions as -1, and initializers listed as inputs as optional ones', () => {
  const source = model({
    nodes,
    inputs: [value('x', ['N', 3, -1], FLOAT16), value('w', [2]), value('ids', [1], INT64), value('free')],
    outputs: [value('y', [], FLOAT)],
    initializers: [tensor('w', [2], [1, 2])],
  });
  expect(modelSignature(source)).toEqual({
    inputs: [
      { name: 'x', datatype: 'FP16', shape: [-1, 3, -1], dimensionNames: ['N', undefined, undefined] },
      { name: 'ids', datatype: 'INT64', shape: [1] },
      { name: 'free', datatype: 'FP32', shape: [-1] },
    ],
    optionalInputs: [{ name: 'w', datatype: 'FP32', shape: [2] }],
    outputs: [{ name: 'y', datatype: 'FP32', shape: [] }],
  });
});

it.each([
  ['BOOL', 'BOOL'],
  ['UINT8', 'UINT8'],
  ['UINT16', 'UINT16'],
  ['UINT32', 'UINT32'],
  ['UINT64', 'UINT64'],
  ['INT8', 'INT8'],
  ['INT16', 'INT16'],
  ['INT32', 'INT32'],
  ['INT64', 'INT64'],
  ['FLOAT16', 'FP16'],
  ['BFLOAT16', 'BF16'],
  ['FLOAT', 'FP32'],
  ['DOUBLE', 'FP64'],
  ['STRING', 'BYTES'],
] as const)('%s is %s on the wire', (type, datatype) => {
  const source = model({
    nodes,
    inputs: [value('x', [1], TensorProto_DataType[type])],
    outputs: [value('y', [1])],
  });
  expect(modelSignature(source).inputs[0]?.datatype).toBe(datatype);
});

it('does not show what taustat has added', () => {
  const source = model({ nodes, inputs: [value('x', ['N', 2])], outputs: [value('y', ['N', 2])] });
  const { bytes, sites } = instrument(source);
  expect(sites).toHaveLength(1);
  expect(modelSignature(decodeModel(bytes))).toEqual(modelSignature(source));
});

it.each([
  [
    value('y', [1], TensorProto_DataType.COMPLEX64),
    "output 'y': elements of type COMPLEX64 cannot be served",
  ],
  [value('y', [1], 99), "output 'y': elements of type 99 cannot be served"],
  [
    create(ValueInfoProtoSchema, { name: 'y' }),
    "output 'y': a value without a type; only tensors can be served",
  ],
  [
    create(ValueInfoProtoSchema, { name: 'y', type: { value: { case: 'sequenceType', value: {} } } }),
    "output 'y': a sequenceType; only tensors can be served",
  ],
])('refuses an output that no protocol type can carry', (output, message) => {
  const source = model({ nodes, inputs: [value('x', [1])], outputs: [output] });
  expect(() => modelSignature(source)).toThrow(message);
  expect(() => modelSignature(source)).toThrow(
    expect.objectContaining({ code: 'MODEL_INVALID' } satisfies Partial<ServingError>),
  );
});
