import { type BinaryWriter, WireType } from '@bufbuild/protobuf/wire';
import type { Tensor } from '../types.ts';
import { writeContents } from './contents.ts';

/** Writes a tensor's field in a request or response, without its contents if they are raw. */
export function writeTensor(writer: BinaryWriter, field: number, tensor: Tensor, isRaw: boolean): void {
  writer.tag(field, WireType.LengthDelimited).fork();
  writer.tag(1, WireType.LengthDelimited).string(tensor.name);
  writer.tag(2, WireType.LengthDelimited).string(tensor.datatype);
  writer.tag(3, WireType.LengthDelimited).fork();
  for (const size of tensor.shape) writer.int64(size);
  writer.join();
  if (!isRaw) {
    writer.tag(5, WireType.LengthDelimited).fork();
    writeContents(writer, tensor);
    writer.join();
  }
  writer.join();
}
