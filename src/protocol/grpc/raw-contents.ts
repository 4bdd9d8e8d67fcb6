import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire';
import { binarySize, writeBinary } from '../binary/binary-codec.ts';
import type { Tensor } from '../types.ts';

/** Appends the raw contents of tensors to a message, one `bytes` field each. */
export function withRawContents(head: Uint8Array, field: number, tensors: readonly Tensor[]): Buffer {
  const parts = tensors.map((tensor) => {
    const size = binarySize(tensor);
    return {
      tensor,
      tag: new BinaryWriter().tag(field, WireType.LengthDelimited).uint32(size).finish(),
      size,
    };
  });
  const length = parts.reduce((sum, { tag, size }) => sum + tag.byteLength + size, head.byteLength);
  const message = Buffer.allocUnsafe(length);
  message.set(head);
  let at = head.byteLength;
  for (const { tensor, tag } of parts) {
    message.set(tag, at);
    at = writeBinary(tensor, message, at + tag.byteLength);
  }
  return message;
}
