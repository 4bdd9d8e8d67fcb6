import { ServingError } from '../config/errors.ts';
import { decodeBinary } from './binary/binary-codec.ts';
import { elementBytes } from './datatypes.ts';
import { countElements, deduceShape } from './shape.ts';
import type { InferRequest, ModelMetadata } from './types.ts';

/**
 * A request without any JSON: the body is the binary form of the model's only input, and all outputs are answered as
 * binary data. One variable dimension is deduced from the number of bytes. A BYTES input takes the whole body as its one
 * element, without a length prefix.
 *
 * @throws ServingError INVALID_REQUEST for a model of several inputs or several variable dimensions, or bytes that do
 *   not fill the shape.
 */
export function decodeRawRequest(body: Uint8Array, model: ModelMetadata): InferRequest {
  const [spec, ...others] = model.inputs;
  if (spec === undefined || others.length > 0) {
    throw new ServingError(
      'INVALID_REQUEST',
      `a raw request needs a model of one input, model '${model.name}' has ${model.inputs.length}`,
    );
  }
  const { name, datatype } = spec;
  const isBytes = datatype === 'BYTES';
  const shape = deduceShape(spec, isBytes ? 1 : body.byteLength / elementBytes(datatype));
  const elements = isBytes ? [body] : decodeBinary(`input '${name}'`, datatype, countElements(shape), body);
  return { parameters: { binary_data_output: true }, inputs: [{ name, datatype, shape, elements }] };
}
