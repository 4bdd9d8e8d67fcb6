/** `ModelInferResponse`: raw where the request was, typed where that can be. */
import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire';
import { binarySize, writeBinary } from '../protocol/binary-codec.ts';
import { askedOutputs } from '../protocol/encode-response.ts';
import type { InferRequest, InferResponse, Tensor } from '../protocol/types.ts';
import { isTyped, writeContents } from './contents.ts';
import { writeParameters } from './parameters.ts';

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
  for (const output of outputs) {
    writer.tag(5, WireType.LengthDelimited).fork();
    writeOutput(writer, output, raw.length > 0);
    writer.join();
  }
  return withRaw(writer.finish(), raw);
}

function writeOutput(writer: BinaryWriter, output: Tensor, isRaw: boolean): void {
  writer.tag(1, WireType.LengthDelimited).string(output.name);
  writer.tag(2, WireType.LengthDelimited).string(output.datatype);
  writer.tag(3, WireType.LengthDelimited).fork();
  for (const size of output.shape) writer.int64(size);
  writer.join();
  if (isRaw) return;
  writer.tag(5, WireType.LengthDelimited).fork();
  writeContents(writer, output);
  writer.join();
}

/** The message with `raw_output_contents` behind it, each copied once. */
function withRaw(head: Uint8Array, outputs: readonly Tensor[]): Buffer {
  const parts = outputs.map((output) => {
    const size = binarySize(output);
    return { output, tag: new BinaryWriter().tag(6, WireType.LengthDelimited).uint32(size).finish(), size };
  });
  const length = parts.reduce((sum, { tag, size }) => sum + tag.byteLength + size, head.byteLength);
  const message = Buffer.allocUnsafe(length);
  message.set(head);
  let at = head.byteLength;
  for (const { output, tag } of parts) {
    message.set(tag, at);
    at = writeBinary(output, message, at + tag.byteLength);
  }
  return message;
}
