/** Nodes of the domain `ai.taustat`, whose code is in `native/`. */
import { create } from '@bufbuild/protobuf';
import {
  type AttributeProto,
  AttributeProto_AttributeType,
  AttributeProtoSchema,
  type NodeProto,
  NodeProtoSchema,
} from 'onnx-buf';

export const SPARSE_DOMAIN = 'ai.taustat';

export type SparseOpType =
  | 'SparseConv'
  | 'SparseMatMul'
  | 'Histogram'
  | 'RowHistograms'
  | 'ToBordered'
  | 'FromBordered'
  | 'BorderedMaxPool';

export function sparseNode(
  opType: SparseOpType,
  { name = '', input, output }: { name?: string; input: readonly string[]; output: string },
  attribute: readonly AttributeProto[] = [],
): NodeProto {
  return create(NodeProtoSchema, {
    opType,
    domain: SPARSE_DOMAIN,
    name,
    input: [...input],
    output: [output],
    attribute: [...attribute],
  });
}

const { INT, INTS, FLOAT, STRING } = AttributeProto_AttributeType;

export function intOf(name: string, value: number): AttributeProto {
  return create(AttributeProtoSchema, { name, type: INT, i: BigInt(value) });
}

export function intsOf(name: string, values: readonly number[]): AttributeProto {
  return create(AttributeProtoSchema, { name, type: INTS, ints: values.map(BigInt) });
}

export function floatOf(name: string, f: number): AttributeProto {
  return create(AttributeProtoSchema, { name, type: FLOAT, f });
}

export function stringOf(name: string, value: string): AttributeProto {
  return create(AttributeProtoSchema, { name, type: STRING, s: new TextEncoder().encode(value) });
}
