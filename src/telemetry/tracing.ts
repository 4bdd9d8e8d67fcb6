import { context, propagation, type Span, SpanKind, SpanStatusCode, trace } from '@opentelemetry/api';

const tracer = trace.getTracer('taustat');

/**
 * A span around one inference, child of the caller's W3C trace context. Free unless the host process registers an
 * OpenTelemetry provider.
 */
export function startInferSpan(model: string, traceparent: string | undefined): Span {
  const parent =
    traceparent === undefined ? context.active() : propagation.extract(context.active(), { traceparent });
  return tracer.startSpan(
    'taustat.infer',
    { kind: SpanKind.SERVER, attributes: { 'taustat.model': model } },
    parent,
  );
}

export function endInferSpan(span: Span, outcome: { threshold: number } | { error: string }): void {
  if ('error' in outcome) span.setStatus({ code: SpanStatusCode.ERROR, message: outcome.error });
  else span.setAttribute('taustat.threshold', outcome.threshold);
  span.end();
}
