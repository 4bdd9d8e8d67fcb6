/**
 * Spans of OpenTelemetry, free unless a provider is registered: by the host process, or by `otlp/` in `taustat serve`.
 *
 *   POST /v2/models/{model}/infer        one request; a child of the active span, or of the caller's
 *     taustat.decode                     its body becomes tensors
 *     taustat.queue, taustat.infer       it waits, and the model runs
 *     taustat.encode                     the answer becomes bytes
 *   taustat.shadow                       a sampled request that is run again; linked to the request
 *   taustat.estimate                     the critical point from the window
 *   taustat.threshold                    a change of τ or its share of production, with its evidence
 */
import {
  type Attributes,
  type Context,
  context,
  createTraceState,
  isSpanContextValid,
  propagation,
  ROOT_CONTEXT,
  type Span,
  type SpanContext,
  SpanKind,
  SpanStatusCode,
  trace,
} from '@opentelemetry/api';
import { messageOf, ServingError } from '../config/errors.ts';

const tracer = trace.getTracer('taustat');

/** W3C trace context of a caller, as its headers say it. */
export interface TraceHeaders {
  readonly traceparent?: string | undefined;
  readonly tracestate?: string | undefined;
}

/** A call of the data plane. */
export interface TracedCall extends TraceHeaders {
  /** Of semantic conventions: method and route, or service and method. */
  readonly name: string;
  readonly attributes: Attributes;
}

/** The requests that errors have ended, for whoever reports these. */
const failedRequests = new WeakMap<object, SpanContext>();

/** The request that an error has ended, if it was traced. */
export function requestOf(error: unknown): SpanContext | undefined {
  return typeof error === 'object' && error !== null ? failedRequests.get(error) : undefined;
}

/** Fields of a log line that belongs to a span, by OpenTelemetry's names; none if there is no such span. */
export function traceFields(origin: SpanContext | undefined): { trace_id?: string; span_id?: string } {
  if (origin === undefined || !isSpanContextValid(origin)) return {};
  return { trace_id: origin.traceId, span_id: origin.spanId };
}

/** Where spans of a request's parts go. Times are of `performance.now()`. */
export class RequestSpan {
  readonly #span: Span;
  #context: Context | undefined;

  /** The active span is the parent, or, without one, the caller's. */
  constructor({ name, attributes, ...headers }: TracedCall) {
    const active = context.active();
    const isInside = trace.getSpan(active) !== undefined;
    const kind = isInside ? SpanKind.INTERNAL : SpanKind.SERVER;
    this.#span = tracer.startSpan(name, { kind, attributes }, isInside ? active : parentOf(headers));
  }

  /** Whether anybody keeps it: attributes that cost something are made only then. */
  get isRecording(): boolean {
    return this.#span.isRecording();
  }

  /** Identifies it to others, such as a log line or a linked span. */
  get origin(): SpanContext {
    return this.#span.spanContext();
  }

  set(attributes: Attributes): void {
    this.#span.setAttributes(attributes);
  }

  /** A part that is over. */
  part(name: string, startTime: number, endTime: number): void {
    if (!this.isRecording) return;
    this.#context ??= trace.setSpan(ROOT_CONTEXT, this.#span);
    tracer.startSpan(name, { startTime }, this.#context).end(endTime);
  }

  answered(attributes: Attributes): void {
    this.#span.setAttributes(attributes);
    this.#span.end();
  }

  /** Only what is the server's fault makes the span an error, as semantic conventions say. */
  failed(error: unknown, attributes: Attributes): void {
    const code = error instanceof ServingError ? error.code : 'INTERNAL';
    const isOwnFault = !(error instanceof ServingError) || error.status >= 500;
    this.#span.setAttributes({ 'error.type': code, ...attributes });
    if (isOwnFault) this.#span.setStatus({ code: SpanStatusCode.ERROR, message: messageOf(error) });
    if (typeof error === 'object' && error !== null) failedRequests.set(error, this.origin);
    this.#span.end();
  }
}

/** A span of its own for what happens after a request was answered. @returns ends it. */
export function startLinked(name: string, origin: SpanContext, attributes: Attributes): () => void {
  const span = tracer.startSpan(name, { root: true, links: [{ context: origin }], attributes });
  return () => span.end();
}

/** A span of its own for work that is over. Times are of `performance.now()`. @returns identifies it to a log line. */
export function addSpan(
  name: string,
  startTime: number,
  endTime: number,
  attributes: Attributes,
): SpanContext {
  const span = tracer.startSpan(name, { root: true, startTime, attributes });
  span.end(endTime);
  return span.spanContext();
}

/** By the propagator of the host process, or, where it has none, as the W3C recommendation says. */
function parentOf({ traceparent, tracestate }: TraceHeaders): Context {
  const active = context.active();
  if (traceparent === undefined) return active;
  if (propagation.fields().length > 0) {
    return propagation.extract(active, { traceparent, ...(tracestate === undefined ? {} : { tracestate }) });
  }
  const remote = remoteContext(traceparent, tracestate);
  return remote === undefined ? active : trace.setSpanContext(active, remote);
}

/** version 00 exactly, or what a later version must still begin with. */
const TRACEPARENT = /^(?!ff)([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/;

/** Source: W3C Trace Context 1, 3.2. @returns undefined for a header that must be ignored. */
export function remoteContext(traceparent: string, tracestate: string | undefined): SpanContext | undefined {
  const [, version, traceId, spanId, flags, more] = TRACEPARENT.exec(traceparent.trim()) ?? [];
  if (traceId === undefined || spanId === undefined || (version === '00' && more !== undefined))
    return undefined;
  const remote: SpanContext = {
    traceId,
    spanId,
    traceFlags: Number.parseInt(flags!, 16) & 1,
    isRemote: true,
    ...(tracestate === undefined ? {} : { traceState: createTraceState(tracestate) }),
  };
  return isSpanContextValid(remote) ? remote : undefined;
}
