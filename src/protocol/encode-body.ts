import { binarySize, writeBinary } from './binary/binary-codec.ts';
import { type NonFinitePolicy, writeJsonElements } from './json/json-writer.ts';
import type { Tensor } from './types.ts';

/** A body; `headerLength` is set when binary data follows that many bytes of JSON. */
export interface EncodedBody {
  readonly body: Uint8Array;
  readonly headerLength?: number;
}

/**
 * One tensor of a request or response as JSON; of a binary one only its size.
 *
 * @throws ServingError INVALID_REQUEST for a tensor that JSON cannot carry.
 */
export function tensorJson(
  label: string,
  tensor: Tensor,
  isBinary: boolean,
  nonFinite: NonFinitePolicy,
): string {
  const head = `{"name":${JSON.stringify(tensor.name)},"datatype":"${tensor.datatype}","shape":[${tensor.shape.join(',')}],`;
  if (isBinary) return `${head}"parameters":{"binary_data_size":${binarySize(tensor)}}}`;
  return `${head}"data":${writeJsonElements(label, tensor, nonFinite)}}`;
}

/** The JSON text, then the binary tensors, in one buffer. */
export function assemble(json: string, binaryTensors: readonly Tensor[]): EncodedBody {
  const headerLength = Buffer.byteLength(json);
  const size = binaryTensors.reduce((sum, tensor) => sum + binarySize(tensor), headerLength);
  const body = Buffer.allocUnsafe(size);
  body.write(json);
  let at = headerLength;
  for (const tensor of binaryTensors) at = writeBinary(tensor, body, at);
  return binaryTensors.length === 0 ? { body } : { body, headerLength };
}
