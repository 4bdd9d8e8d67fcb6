import { create } from '@bufbuild/protobuf';
import { type ModelProto, TensorProto_DataType, TensorProtoSchema } from 'onnx-buf';
import { DATATYPES } from '../../src/protocol/datatypes.ts';
import type { Datatype } from '../../src/protocol/types.ts';
import { model, node, value } from '../onnx/models.ts';
import { perceptron, slow } from '../runtime/small-models.ts';

const { FLOAT, INT32 } = TensorProto_DataType;

const ELEMENT_TYPES: Readonly<Record<Datatype, number>> = {
  BOOL: TensorProto_DataType.BOOL,
  UINT8: TensorProto_DataType.UINT8,
  UINT16: TensorProto_DataType.UINT16,
  UINT32: TensorProto_DataType.UINT32,
  UINT64: TensorProto_DataType.UINT64,
  INT8: TensorProto_DataType.INT8,
  INT16: TensorProto_DataType.INT16,
  INT32,
  INT64: TensorProto_DataType.INT64,
  FP16: TensorProto_DataType.FLOAT16,
  BF16: TensorProto_DataType.BFLOAT16,
  FP32: FLOAT,
  FP64: TensorProto_DataType.DOUBLE,
  BYTES: TensorProto_DataType.STRING,
};

interface Through {
  readonly type: number;
  readonly shape: readonly (number | string)[];
}

/** y = x for each of the inputs; one input is 'x', several are 'x0', 'x1', … */
function identity(...inputs: readonly Through[]): ModelProto {
  const named = inputs.map((input, i) => ({ ...input, suffix: inputs.length === 1 ? '' : String(i) }));
  return model({
    nodes: named.map(({ suffix }) => node('Identity', [`x${suffix}`], `y${suffix}`)),
    inputs: named.map(({ suffix, shape, type }) => value(`x${suffix}`, shape, type)),
    outputs: named.map(({ suffix, shape, type }) => value(`y${suffix}`, shape, type)),
  });
}

/** y = a constant that is no text. */
function speaksNoUtf8(): ModelProto {
  const { BYTES: elemType } = ELEMENT_TYPES;
  const stringData = [Uint8Array.of(0xc3, 0x28)];
  return model({
    nodes: [node('Identity', ['words'], 'y')],
    inputs: [],
    outputs: [value('y', [1], elemType)],
    initializers: [create(TensorProtoSchema, { name: 'words', dims: [1n], dataType: elemType, stringData })],
  });
}

/** What `any-<datatype>` is called. */
export const anyOf = (datatype: Datatype): string => `any-${datatype.toLowerCase()}`;

/** Every model of the suite by name: tiny, and none that hides what it was given. */
export const MODELS: ReadonlyMap<string, () => ModelProto> = new Map<string, () => ModelProto>([
  ...DATATYPES.map(
    (datatype) => [anyOf(datatype), () => identity({ type: ELEMENT_TYPES[datatype], shape: ['N'] })] as const,
  ),
  ['rows', () => identity({ type: FLOAT, shape: ['batch', 4] })],
  ['fixed', () => identity({ type: FLOAT, shape: [2, 8] })],
  ['grid', () => identity({ type: FLOAT, shape: ['rows', 'columns'] })],
  ['pair', () => identity({ type: FLOAT, shape: ['batch', 2] }, { type: INT32, shape: ['batch', 2] })],
  ['zwei Wörter', () => identity({ type: FLOAT, shape: ['N'] })],
  ['speaks no UTF-8', speaksNoUtf8],
  ['perceptron', perceptron],
  ['slow', slow],
]);
