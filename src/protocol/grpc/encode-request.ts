import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire';
import type { InferRequest } from '../types.ts';
import { writeParameters } from './parameters.ts';
import { withRawContents } from './raw-contents.ts';
import { writeTensor } from './tensor.ts';

/**
 * Encodes a `ModelInferRequest`, as a client does.
 *
 * @param isRaw - encodes tensors as raw contents; required for FP16 and BF16.
 * @throws ServingError INTERNAL for FP16 or BF16 as typed contents.
 */
export function encodeInferRequest(model: string, request: InferRequest, isRaw: boolean): Buffer {
  const writer = new BinaryWriter();
  writer.tag(1, WireType.LengthDelimited).string(model);
  if (request.id !== undefined) writer.tag(3, WireType.LengthDelimited).string(request.id);
  writeParameters(writer, 4, request.parameters);
  for (const input of request.inputs) writeTensor(writer, 5, input, isRaw);
  for (const { name, parameters } of request.outputs ?? []) {
    writer.tag(6, WireType.LengthDelimited).fork();
    writer.tag(1, WireType.LengthDelimited).string(name);
    writeParameters(writer, 2, parameters);
    writer.join();
  }
  return withRawContents(writer.finish(), 7, isRaw ? request.inputs : []);
}
