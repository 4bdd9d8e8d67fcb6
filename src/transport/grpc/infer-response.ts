/** `ModelInferResponse`: raw where the request was, typed where that can be. */
import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire';
import { askedOutputs } from '../../protocol/encode-response.ts';
import type { InferRequest, InferResponse, Tensor } from '../../protocol/types.ts';
import { isTyped, writeContents } from './contents.ts';
import { writeParameters } from './parameters.ts';
import { withRawContents } from './raw-contents.ts';

/**
 * Encodes a response.
 *
 * @param isRaw - the request was raw; a response with an FP16 or BF16 output is always raw, since one response has one
 *   form and these have no typed contents.
 */
export function encodeInferResponse(
  response: InferResponse,
  request: Pick<InferRequest, 'outputs'>,
  isRaw: boolean,
): Buffer {
  const outputs = askedOutputs(response, request);
  const raw = isRaw || outputs.some(({ datatype }) => !isTyped(datatype)) ? outputs : [];
  const writer = new BinaryWriter();
  writer.tag(1, WireType.LengthDelimited).string(response.modelName);
  writer.tag(2, WireType.LengthDelimited).string(response.modelVersion);
  if (response.id !== undefined) writer.tag(3, WireType.LengthDelimited).string(response.id);
  writeParameters(writer, 4, response.parameters);
  for (const output of outputs) writeTensor(writer, 5, output, raw.length > 0);
  return withRawContents(writer.finish(), 6, raw);
}

/** Writes a tensor's field of a request or response; of a raw one all but its contents. */
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
