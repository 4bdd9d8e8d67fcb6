import { encodeInferResponse } from '../protocol/encode-response.ts';
import { RequestDecoder } from '../protocol/request-decoder.ts';
import type { Handler } from './answers.ts';
import { type HttpContext, readBody } from './body.ts';
import { compress } from './compression.ts';
import type { HttpLimits } from './limits.ts';
import { modelPath } from './model-path.ts';
import type { InferContext, InferencePlane } from './plane.ts';
import { chooseEncoding, parseByteCount } from './request-headers.ts';

const HEADER_LENGTH = 'Inference-Header-Content-Length';

/** `POST …/infer`. */
export function createInferHandler(plane: InferencePlane, limits: HttpLimits): Handler {
  const decoder = new RequestDecoder(limits);
  return async function infer(context) {
    const { model, version } = modelPath(context);
    plane.metadata(model, version); // an unknown model is refused before its body is read
    const headerLength = headerLengthOf(context);
    plane.admit?.(model, version);
    const body = await readBody(context, limits.maxBodyBytes, headerLength ?? 0);
    // From here to the run nothing waits, so that the version that answers is the one that the request was checked against.
    const request = decoder.decode(body, headerLength, plane.metadata(model, version));
    const response = await plane.infer(model, version, request, new RequestContext(context));
    const encoded = encodeInferResponse(response, request, limits.nonFinite);
    return answer(encoded.body, encoded.headerLength, context, limits);
  };
}

function headerLengthOf(context: HttpContext): number | undefined {
  const value = context.req.header(HEADER_LENGTH);
  return value === undefined ? undefined : parseByteCount(HEADER_LENGTH, value);
}

/**
 * The signal is made when somebody asks for it: few requests are ever queued.
 *
 * A class, since an accessor in an object literal keeps what it closes over, the whole request, alive until the next full
 * garbage collection.
 */
class RequestContext implements InferContext {
  readonly traceparent: string | undefined;
  readonly tracestate: string | undefined;
  readonly #context: HttpContext;

  constructor(context: HttpContext) {
    this.traceparent = context.req.header('traceparent');
    this.tracestate = this.traceparent === undefined ? undefined : context.req.header('tracestate');
    this.#context = context;
  }

  get signal(): AbortSignal {
    return this.#context.req.raw.signal;
  }
}

function answer(
  body: Uint8Array,
  headerLength: number | undefined,
  context: HttpContext,
  limits: HttpLimits,
): Response | Promise<Response> {
  const headers: Record<string, string> =
    headerLength === undefined
      ? { 'Content-Type': 'application/json' }
      : { 'Content-Type': 'application/octet-stream', [HEADER_LENGTH]: String(headerLength) };
  if (body.byteLength < limits.compressFromBytes) return new Response(body, { headers });
  const encoding = chooseEncoding(context.req.header('accept-encoding'));
  if (encoding === 'identity') return new Response(body, { headers });
  headers['Content-Encoding'] = encoding;
  return compress(encoding, body).then((compressed) => new Response(compressed, { headers }));
}
