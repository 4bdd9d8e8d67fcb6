import {
  type Context,
  context,
  createTraceState,
  isSpanContextValid,
  propagation,
  type Span,
  type SpanContext,
  SpanKind,
  SpanStatusCode,
  trace,
} from '@opentelemetry/api';

const tracer = trace.getTracer('taustat');

/** W3C trace context of a caller, as its headers say it. */
export interface TraceHeaders {
  readonly traceparent?: string | undefined;
  readonly tracestate?: string | undefined;
}

/**
 * A span around one inference, child of the caller's W3C trace context. Free unless the host process registers an
 * OpenTelemetry provider.
 */
export function startInferSpan(model: string, headers: TraceHeaders): Span {
  return tracer.startSpan(
    'taustat.infer',
    { kind: SpanKind.SERVER, attributes: { 'taustat.model': model } },
    parentOf(headers),
  );
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

export function endInferSpan(span: Span, outcome: { threshold: number } | { error: string }): void {
  if ('error' in outcome) span.setStatus({ code: SpanStatusCode.ERROR, message: outcome.error });
  else span.setAttribute('taustat.threshold', outcome.threshold);
  span.end();
}
