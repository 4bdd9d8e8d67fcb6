import { create, type Message } from '@bufbuild/protobuf';
import { TypeProtoSchema, type ValueInfoProto, ValueInfoProtoSchema } from 'onnx-buf';

/** Sizes of dimensions, undefined where one varies; no sizes: a tensor of unknown rank. */
export function tensorInfo(
  name: string,
  elemType: number,
  sizes?: readonly (number | undefined)[],
): ValueInfoProto {
  const dim = sizes?.map((size) =>
    size === undefined ? {} : { value: { case: 'dimValue' as const, value: BigInt(size) } },
  );
  const shape = dim === undefined ? {} : { shape: { dim } };
  const type = create(TypeProtoSchema, { value: { case: 'tensorType', value: { elemType, ...shape } } });
  return create(ValueInfoProtoSchema, { name, type });
}

/** A message that shares its fields, the unknown ones too, with the one it copies. */
export function copyOf<T extends Message>(message: T): T {
  return Object.assign(Object.create(Object.getPrototypeOf(message)) as T, message);
}
