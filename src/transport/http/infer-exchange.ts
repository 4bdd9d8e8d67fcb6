import { setTimeout } from 'node:timers/promises';
import { ServingError } from '../../config/errors.ts';
import type { AnsweringModel, InferContext, InferencePlane } from '../../plane/inference.ts';
import type { InferRequest, ModelMetadata } from '../../protocol/types.ts';
import { type BodySource, withBody } from './body.ts';
import { compress } from './compression.ts';
import { InferCodec } from './infer-codec.ts';
import type { HttpLimits } from './limits.ts';
import type { ModelPath } from './model-path.ts';
import { chooseEncoding, parseByteCount } from './request-headers.ts';

const HEADER_LENGTH = 'Inference-Header-Content-Length';

/** An inference request as it arrived, whatever serves it. */
export interface InferMessage extends ModelPath, BodySource {
  /** Aborts when the client goes away; made when somebody asks for it, since few requests are ever queued. */
  readonly signal: AbortSignal;
}

export interface InferAnswer {
  readonly headers: Record<string, string>;
  readonly body: Uint8Array;
}

/** From a message to its answer: what an inference request over HTTP is. @throws ServingError */
export function createInferExchange(
  plane: InferencePlane,
  limits: HttpLimits,
): (message: InferMessage) => Promise<InferAnswer> {
  const codec = new InferCodec(limits);
  const exchange = async (message: InferMessage): Promise<InferAnswer> => {
    const { model: name, version } = message;
    // An unknown model, and a request that there is no room for, are refused before the body is read.
    const model = plane.find(name, version);
    const headerLength = headerLengthOf(message);
    model.admit();
    return withBody(message, limits, headerLength ?? 0, async (body, memory) => {
      // From `find` to `infer` nothing is awaited, so that the version that answers is the one that the request was checked against.
      let answering = model.isCurrent ? model : plane.find(name, version);
      let request: InferRequest;
      if (codec.isLarge(body, headerLength))
        ({ request, answering } = await decodedInThread(body, headerLength, message));
      else request = codec.decode(body, headerLength, answering.metadata);
      memory.addTensors(request.inputs);
      const response = await answering.infer(request, new MessageContext(message));
      const answered = codec.encode(response, request);
      const encoded = answered instanceof Promise ? await answered : answered;
      return answer(encoded.body, encoded.headerLength, message, limits);
    });
  };
  /** Another model may take the place of the one that a large body was checked against: then it is checked again. */
  const decodedInThread = async (
    body: Uint8Array,
    headerLength: number | undefined,
    { model, version, signal }: InferMessage,
  ): Promise<{ request: InferRequest; answering: AnsweringModel }> => {
    for (let bytes = body; ; ) {
      const checked = plane.find(model, version);
      const decoded = await codec.decodeInThread(bytes, headerLength, checked.metadata, signal);
      const answering = plane.find(model, version);
      if (isAlike(answering.metadata, checked.metadata)) return { request: decoded.request, answering };
      bytes = decoded.body;
    }
  };
  return (message) => exchange(message).catch((error: unknown) => refuse(error, limits));
}

/** Whether what was checked against one holds for the other. */
function isAlike(a: ModelMetadata, b: ModelMetadata): boolean {
  return a === b || JSON.stringify(a) === JSON.stringify(b);
}

/**
 * Who is refused at once comes back at once: hundreds of connections that are told so as fast as they can ask leave no time for
 * what was accepted. A refusal for want of room waits a little, which costs nothing but a timer, and asks less of the server.
 */
async function refuse(error: unknown, { refusalDelayMs }: HttpLimits): Promise<never> {
  if (error instanceof ServingError && error.code === 'OVERLOADED') await setTimeout(refusalDelayMs);
  throw error;
}

function headerLengthOf({ header }: InferMessage): number | undefined {
  const value = header(HEADER_LENGTH.toLowerCase());
  return value === undefined ? undefined : parseByteCount(HEADER_LENGTH, value);
}

/**
 * A class, since an accessor in an object literal keeps what it closes over, the whole request, alive until the next full
 * garbage collection.
 */
class MessageContext implements InferContext {
  readonly traceparent: string | undefined;
  readonly tracestate: string | undefined;
  readonly #message: InferMessage;

  constructor(message: InferMessage) {
    this.traceparent = message.header('traceparent');
    this.tracestate = this.traceparent === undefined ? undefined : message.header('tracestate');
    this.#message = message;
  }

  get signal(): AbortSignal {
    return this.#message.signal;
  }
}

function answer(
  body: Uint8Array,
  headerLength: number | undefined,
  { header }: InferMessage,
  limits: HttpLimits,
): InferAnswer | Promise<InferAnswer> {
  const headers: Record<string, string> =
    headerLength === undefined
      ? { 'Content-Type': 'application/json' }
      : { 'Content-Type': 'application/octet-stream', [HEADER_LENGTH]: String(headerLength) };
  if (body.byteLength < limits.compressFromBytes) return { headers, body };
  const encoding = chooseEncoding(header('accept-encoding'));
  if (encoding === 'identity') return { headers, body };
  headers['Content-Encoding'] = encoding;
  return compress(encoding, body).then((compressed) => ({ headers, body: compressed }));
}
