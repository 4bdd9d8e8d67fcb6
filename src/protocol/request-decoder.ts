import { binarySize, decodeBinary } from './binary/binary-codec.ts';
import { type DecodeLimits, decodeInferRequest } from './decode-request.ts';
import type { InferRequest, ModelMetadata, Tensor } from './types.ts';

/** Longest header that is kept for comparison. */
const MAX_KEPT_BYTES = 4096;

/** Where one input is in the binary data, and what it is. */
interface Place extends Omit<Tensor, 'elements'> {
  readonly count: number;
  readonly sizeBytes: number;
}

/** A request without its elements. */
interface Kept {
  readonly model: ModelMetadata;
  readonly header: Buffer;
  readonly bodyLength: number;
  readonly rest: Omit<InferRequest, 'inputs'>;
  readonly places: readonly Place[];
}

/**
 * Decodes requests as `decodeInferRequest` does, and faster when one has, byte for byte, the JSON header of the one before.
 *
 * A client that sends tensors of one shape as binary data sends the same header every time. What such a header says was
 * checked once; only the elements differ, and those are read and checked for every request.
 */
export class RequestDecoder {
  readonly #limits: DecodeLimits;
  #kept: Kept | undefined;

  constructor(limits: DecodeLimits) {
    this.#limits = limits;
  }

  /** @throws ServingError INVALID_REQUEST for whatever the model could not be run on. */
  decode(body: Uint8Array, headerLength: number | undefined, model: ModelMetadata): InferRequest {
    const kept = this.#kept;
    if (kept !== undefined && isRepeated(kept, body, headerLength, model)) return withElements(kept, body);
    const request = decodeInferRequest(body, headerLength, model, this.#limits);
    this.#kept = keep(body, headerLength, model, request) ?? kept;
    return request;
  }
}

function isRepeated(
  { header, bodyLength, model }: Kept,
  body: Uint8Array,
  headerLength: number | undefined,
  asked: ModelMetadata,
): boolean {
  if (headerLength !== header.byteLength || body.byteLength !== bodyLength || asked !== model) return false;
  return header.compare(body, 0, headerLength) === 0;
}

/** Only a header whose inputs are all in the binary data says the same about another body. */
function keep(
  body: Uint8Array,
  headerLength: number | undefined,
  model: ModelMetadata,
  { inputs, ...rest }: InferRequest,
): Kept | undefined {
  if (headerLength === undefined || headerLength === 0 || headerLength > MAX_KEPT_BYTES) return undefined;
  const places = inputs.map((input): Place => {
    const { name, datatype, shape, elements } = input;
    return { name, datatype, shape, count: elements.length, sizeBytes: binarySize(input) };
  });
  const binaryBytes = places.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  if (binaryBytes !== body.byteLength - headerLength) return undefined;
  return {
    model,
    header: Buffer.from(body.subarray(0, headerLength)),
    bodyLength: body.byteLength,
    rest,
    places,
  };
}

function withElements({ header, rest, places }: Kept, body: Uint8Array): InferRequest {
  let at = header.byteLength;
  const inputs = places.map(({ name, datatype, shape, count, sizeBytes }) => {
    const bytes = body.subarray(at, at + sizeBytes);
    at += sizeBytes;
    return { name, datatype, shape, elements: decodeBinary(`input '${name}'`, datatype, count, bytes) };
  });
  return { ...rest, inputs };
}
