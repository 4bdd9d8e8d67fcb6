import { create } from '@bufbuild/protobuf';
import {
  type AttributeProto,
  AttributeProtoSchema,
  AttributeProto_AttributeType as AttributeType,
  type GraphProto,
  GraphProtoSchema,
  type ModelProto,
  ModelProtoSchema,
  type NodeProto,
  NodeProtoSchema,
  OperatorSetIdProtoSchema,
  type TensorProto,
  TensorProto_DataType,
  TensorProtoSchema,
  type ValueInfoProto,
  ValueInfoProtoSchema,
} from 'onnx-buf';

export const { FLOAT, FLOAT16, INT64, DOUBLE, BOOL, INT8, UINT8 } = TensorProto_DataType;

export type AttributeValue =
  | number
  | bigint
  | string
  | readonly number[]
  | TensorProto
  | GraphProto
  | readonly bigint[];

/** A number is a float attribute, a bigint an int. */
function attribute(name: string, value: AttributeValue): AttributeProto {
  if (typeof value === 'number')
    return create(AttributeProtoSchema, { name, type: AttributeType.FLOAT, f: value });
  if (typeof value === 'bigint')
    return create(AttributeProtoSchema, { name, type: AttributeType.INT, i: value });
  if (typeof value === 'string')
    return create(AttributeProtoSchema, {
      name,
      type: AttributeType.STRING,
      s: new TextEncoder().encode(value),
    });
  if (Array.isArray(value)) {
    return typeof value[0] === 'bigint'
      ? create(AttributeProtoSchema, { name, type: AttributeType.INTS, ints: value as bigint[] })
      : create(AttributeProtoSchema, { name, type: AttributeType.FLOATS, floats: value as number[] });
  }
  const message = value as TensorProto | GraphProto;
  return message.$typeName === 'onnx.TensorProto'
    ? create(AttributeProtoSchema, { name, type: AttributeType.TENSOR, t: message })
    : create(AttributeProtoSchema, { name, type: AttributeType.GRAPH, g: message });
}

export function node(
  opType: string,
  input: readonly string[],
  output: string | readonly string[],
  attributes: Readonly<Record<string, AttributeValue>> = {},
  extra: { readonly name?: string; readonly domain?: string } = {},
): NodeProto {
  return create(NodeProtoSchema, {
    opType,
    input: [...input],
    output: typeof output === 'string' ? [output] : [...output],
    attribute: Object.entries(attributes).map(([name, value]) => attribute(name, value)),
    name: extra.name ?? '',
    domain: extra.domain ?? '',
  });
}

export function tensor(
  name: string,
  dims: readonly number[],
  values: readonly number[],
  dataType: number = FLOAT,
): TensorProto {
  const base = { name, dims: dims.map(BigInt), dataType };
  if (dataType === INT64) return create(TensorProtoSchema, { ...base, int64Data: values.map(BigInt) });
  if (dataType === DOUBLE) return create(TensorProtoSchema, { ...base, doubleData: [...values] });
  if (dataType === FLOAT16) return create(TensorProtoSchema, { ...base, int32Data: values.map(halfBits) });
  if (dataType !== FLOAT) return create(TensorProtoSchema, { ...base, int32Data: [...values] });
  return create(TensorProtoSchema, { ...base, floatData: [...values] });
}

/** A shape of numbers and names; undefined: unknown rank. */
export function value(
  name: string,
  shape?: readonly (number | string)[],
  elemType: number = FLOAT,
): ValueInfoProto {
  const dim = shape?.map((size) =>
    typeof size === 'number'
      ? { value: { case: 'dimValue' as const, value: BigInt(size) } }
      : { value: { case: 'dimParam' as const, value: size } },
  );
  return create(ValueInfoProtoSchema, {
    name,
    type: { value: { case: 'tensorType', value: { elemType, ...(dim && { shape: { dim } }) } } },
  });
}

export interface GraphParts {
  readonly nodes: readonly NodeProto[];
  readonly inputs: readonly ValueInfoProto[];
  readonly outputs: readonly ValueInfoProto[];
  readonly initializers?: readonly TensorProto[];
  readonly values?: readonly ValueInfoProto[];
}

export function graph(parts: GraphParts): GraphProto {
  return create(GraphProtoSchema, {
    name: 'graph',
    node: [...parts.nodes],
    input: [...parts.inputs],
    output: [...parts.outputs],
    initializer: [...(parts.initializers ?? [])],
    valueInfo: [...(parts.values ?? [])],
  });
}

export function model(parts: GraphParts, opset = 17, domains: readonly string[] = []): ModelProto {
  return create(ModelProtoSchema, {
    irVersion: 8n,
    opsetImport: [
      create(OperatorSetIdProtoSchema, { domain: '', version: BigInt(opset) }),
      ...domains.map((domain) => create(OperatorSetIdProtoSchema, { domain, version: 1n })),
    ],
    graph: graph(parts),
  });
}

/** float16 bits of a number that float16 holds exactly, or of the nearest one. */
export function halfBits(x: number): number {
  if (Number.isNaN(x)) return 0x7e00;
  const sign = x < 0 || Object.is(x, -0) ? 0x8000 : 0;
  const magnitude = Math.abs(x);
  if (magnitude >= 65520) return sign | 0x7c00;
  if (magnitude < 2 ** -14) return sign | Math.round(magnitude * 2 ** 24);
  const exponent = Math.floor(Math.log2(magnitude));
  const fraction = Math.round((magnitude / 2 ** exponent - 1) * 1024);
  return sign | (((exponent + 15) << 10) + fraction);
}
