import { setTimeout } from 'node:timers/promises';
import { ServingError } from '../../config/errors.ts';
import type { AnsweringModel, InferContext, InferencePlane, RequestTrace } from '../../plane/inference.ts';
import type { InferRequest, ModelMetadata } from '../../protocol/types.ts';
import { RequestSpan, type TracedCall } from '../../telemetry/tracing.ts';
import { type BodySource, withBody } from './body.ts';
import { compress } from './compression.ts';
import { InferCodec } from './infer-codec.ts';
import type { HttpLimits } from './limits.ts';
import type { ModelPath } from './model-path.ts';
import { chooseEncoding, parseByteCount } from './request-headers.ts';

const HEADER_LENGTH = 'Inference-Header-Content-Length';

/** An inference request as received, independent of the server. */
export interface InferMessage extends ModelPath, BodySource {
  /** Aborts when the client goes away. Created when first read, since few requests are ever queued. */
  readonly signal: AbortSignal;
}

export interface InferAnswer {
  readonly headers: Record<string, string>;
  readonly body: Uint8Array;
}

/** Returns the function that answers an inference request over HTTP: reads, decodes, infers, encodes. @throws ServingError */
export function createInferExchange(
  plane: InferencePlane,
  limits: HttpLimits,
): (message: InferMessage) => Promise<InferAnswer> {
  const codec = new InferCodec(limits);
  const exchange = async (message: InferMessage, trace: RequestSpan): Promise<InferAnswer> => {
    const { model: name, version } = message;
    // Unknown models and overload are refused before the body is read.
    const model = plane.find(name, version);
    const headerLength = headerLengthOf(message);
    model.admit();
    return withBody(message, limits, headerLength ?? 0, async (body, memory) => {
      // Nothing is awaited between `find` and `infer`, so that the request is answered by the version it was checked against.
      const decodedFrom = performance.now();
      let answering = model.isCurrent ? model : plane.find(name, version);
      let request: InferRequest;
      if (codec.isLarge(body, headerLength))
        ({ request, answering } = await decodedInThread(body, headerLength, message));
      else request = codec.decode(body, headerLength, answering.metadata);
      memory.addTensors(request.inputs);
      const decodedAt = performance.now();
      trace.part('taustat.decode', decodedFrom, decodedAt);
      const response = await answering.infer(request, new MessageContext(message, trace));
      const encodedFrom = performance.now();
      const answered = codec.encode(response, request);
      const encoded = answered instanceof Promise ? await answered : answered;
      const encodedAt = performance.now();
      trace.part('taustat.encode', encodedFrom, encodedAt);
      answering.transported({ decodeMs: decodedAt - decodedFrom, encodeMs: encodedAt - encodedFrom });
      return answer(encoded.body, encoded.headerLength, message, limits);
    });
  };
  /** Decodes a large body. If the model was replaced meanwhile, the request is checked again. */
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
  return (message) => {
    const trace = new RequestSpan(tracedCall(message));
    return exchange(message, trace).then(
      (answered) => {
        trace.answered({ [STATUS]: 200 });
        return answered;
      },
      (error: unknown) => {
        trace.failed(error, { [STATUS]: error instanceof ServingError ? error.status : 500 });
        return refuse(error, limits);
      },
    );
  };
}

const STATUS = 'http.response.status_code';
const ROUTE = '/v2/models/{model}/infer';
const VERSIONED_ROUTE = '/v2/models/{model}/versions/{version}/infer';

/** Source: OpenTelemetry semantic conventions for HTTP spans, 1.37. */
function tracedCall({ header, version }: InferMessage): TracedCall {
  const traceparent = header('traceparent');
  const tracestate = traceparent === undefined ? undefined : header('tracestate');
  const route = version === undefined ? ROUTE : VERSIONED_ROUTE;
  const attributes = { 'http.request.method': 'POST', 'http.route': route };
  return { name: `POST ${route}`, attributes, traceparent, tracestate };
}

/** Whether a request that was checked against one is valid for the other. */
function isAlike(a: ModelMetadata, b: ModelMetadata): boolean {
  return a === b || JSON.stringify(a) === JSON.stringify(b);
}

/**
 * Delays a refusal for overload: a client that is refused at once retries at once, and hundreds of those leave no time for
 * accepted requests.
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
 * A class, because an accessor in an object literal keeps its closure, with the whole request, alive until the next full
 * garbage collection.
 */
class MessageContext implements InferContext {
  readonly trace: RequestTrace;
  readonly header: (name: string) => string | undefined;
  readonly #message: InferMessage;

  constructor(message: InferMessage, trace: RequestTrace) {
    this.trace = trace;
    this.header = message.header;
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
