import type { EncodedBody } from '../../protocol/encode-body.ts';
import { askedOutputs } from '../../protocol/encode-response.ts';
import { RequestDecoder } from '../../protocol/request-decoder.ts';
import { ResponseEncoder } from '../../protocol/response-encoder.ts';
import { type Decoded, ThreadedCodec } from '../../protocol/thread/threaded-codec.ts';
import type { InferRequest, InferResponse, ModelMetadata, Tensor } from '../../protocol/types.ts';
import type { HttpLimits } from './limits.ts';

/** One for the process; its threads start with the first large body. */
const THREADED = new ThreadedCodec();

/**
 * Decodes requests and encodes responses: small ones at once, large ones in a thread, so that other clients do not wait.
 */
export class InferCodec {
  readonly #limits: HttpLimits;
  readonly #decoder: RequestDecoder;
  readonly #encoder: ResponseEncoder;

  constructor(limits: HttpLimits) {
    this.#limits = limits;
    this.#decoder = new RequestDecoder(limits);
    this.#encoder = new ResponseEncoder(limits.nonFinite);
  }

  /** Whether a body should be decoded in a thread: its JSON would take milliseconds. */
  isLarge(body: Uint8Array, headerLength: number | undefined): boolean {
    return (headerLength ?? body.byteLength) >= this.#limits.threadFromBytes;
  }

  /** Decodes a request and checks it against a model. @throws ServingError INVALID_REQUEST */
  decode(body: Uint8Array, headerLength: number | undefined, model: ModelMetadata): InferRequest {
    return this.#decoder.decode(body, headerLength, model);
  }

  /** @throws ServingError INVALID_REQUEST, and OVERLOADED when too much waits to be decoded. */
  decodeInThread(
    body: Uint8Array,
    headerLength: number | undefined,
    model: ModelMetadata,
    signal: AbortSignal,
  ): Promise<Decoded> {
    return THREADED.decode(body, headerLength, model, this.#limits, signal);
  }

  /** @throws ServingError INVALID_REQUEST, INFERENCE_FAILED, and OVERLOADED when too much waits to be encoded. */
  encode(response: InferResponse, request: InferRequest): EncodedBody | Promise<EncodedBody> {
    const { threadFromElements, nonFinite } = this.#limits;
    const isLarge =
      elementsOf(response.outputs) >= threadFromElements &&
      elementsOf(jsonOutputs(response, request)) >= threadFromElements;
    if (isLarge) return THREADED.encode(response, request, nonFinite);
    return this.#encoder.encode(response, request);
  }
}

/** The outputs of a response that are written as JSON. */
function jsonOutputs(response: InferResponse, request: InferRequest): readonly Tensor[] {
  const isBinaryByDefault = request.parameters.binary_data_output === true;
  const isBinary = (i: number) => request.outputs?.[i]?.parameters.binary_data ?? isBinaryByDefault;
  return askedOutputs(response, request).filter((_, i) => isBinary(i) !== true);
}

function elementsOf(tensors: readonly Tensor[]): number {
  let count = 0;
  for (const { elements } of tensors) count += elements.length;
  return count;
}
