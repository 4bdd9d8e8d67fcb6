/** `ModelInferResponse`: raw if the request was, else typed if possible. */
import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire';
import { askedOutputs } from '../../protocol/encode-response.ts';
import { isTyped } from '../../protocol/grpc/contents.ts';
import { writeParameters } from '../../protocol/grpc/parameters.ts';
import { withRawContents } from '../../protocol/grpc/raw-contents.ts';
import { writeTensor } from '../../protocol/grpc/tensor.ts';
import type { InferRequest, InferResponse } from '../../protocol/types.ts';

/**
 * Encodes a response.
 *
 * @param isRaw - whether the request was raw. A response with an FP16 or BF16 output is always raw: these have no typed
 *   contents, and one response has one form.
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
