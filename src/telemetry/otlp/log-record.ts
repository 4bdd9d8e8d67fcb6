import { isSpanContextValid, ROOT_CONTEXT, TraceFlags, trace } from '@opentelemetry/api';
import type { LogAttributes, LogRecord } from '@opentelemetry/api-logs';

/** Severities of OpenTelemetry by the levels of the log. Source: OpenTelemetry, logs data model. */
const SEVERITIES: Readonly<Record<number, readonly [number: number, text: string]>> = {
  10: [1, 'TRACE'],
  20: [5, 'DEBUG'],
  30: [9, 'INFO'],
  40: [13, 'WARN'],
  50: [17, 'ERROR'],
  60: [21, 'FATAL'],
};

/**
 * A line of the log as a log record: its message is the body, `trace_id` and `span_id` are the trace that it belongs to, an error
 * becomes `exception.…`, and everything else an attribute.
 *
 * @param line - JSON, as pino writes it.
 * @returns undefined for what is no such line.
 */
export function logRecordOf(line: string): LogRecord | undefined {
  let entry: Record<string, unknown>;
  try {
    entry = JSON.parse(line);
  } catch {
    return undefined;
  }
  const { level, time, msg, pid: _, hostname: __, name: ___, trace_id, span_id, error, ...rest } = entry;
  if (typeof level !== 'number' || typeof time !== 'number') return undefined;
  const [severityNumber, severityText] = SEVERITIES[level] ?? [0, String(level)];
  const spanContext = {
    traceId: String(trace_id),
    spanId: String(span_id),
    traceFlags: TraceFlags.SAMPLED,
  };
  return {
    timestamp: time,
    severityNumber,
    severityText,
    body: String(msg ?? ''),
    attributes: { ...(rest as LogAttributes), ...exceptionIn(error) },
    ...(isSpanContextValid(spanContext) ? { context: trace.setSpanContext(ROOT_CONTEXT, spanContext) } : {}),
  };
}

/** @param error - as pino serializes one, or text. */
function exceptionIn(error: unknown): LogAttributes {
  if (error === undefined) return {};
  if (typeof error !== 'object' || error === null) return { 'exception.message': String(error) };
  const { type, message, stack } = error as Readonly<Record<string, unknown>>;
  return {
    'exception.type': String(type ?? 'Error'),
    'exception.message': String(message ?? ''),
    ...(stack === undefined ? {} : { 'exception.stacktrace': String(stack) }),
  };
}
