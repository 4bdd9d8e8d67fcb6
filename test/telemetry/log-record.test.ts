import { type SpanContext, trace } from '@opentelemetry/api';
import { pino } from 'pino';
import { describe, expect, it } from 'vitest';
import { logRecordOf } from '../../src/telemetry/otlp/log-record.ts';

const TRACE = { trace_id: '0af7651916cd43dd8448eb211c80319c', span_id: 'b7ad6b7169203331' };

/** What the log writes for a line. */
function written(tell: (log: pino.Logger) => void): string {
  const lines: string[] = [];
  const serializers = { error: pino.stdSerializers.err };
  tell(pino({ name: 'taustat', level: 'trace', serializers }, { write: (line) => void lines.push(line) }));
  return lines.join('');
}

describe('a line of the log as a record', () => {
  it.each([
    ['trace', 1, 'TRACE'],
    ['debug', 5, 'DEBUG'],
    ['info', 9, 'INFO'],
    ['warn', 13, 'WARN'],
    ['error', 17, 'ERROR'],
    ['fatal', 21, 'FATAL'],
  ] as const)('has the severity of %s', (level, severityNumber, severityText) => {
    const record = logRecordOf(written((log) => log[level]('said')));
    expect(record).toMatchObject({ severityNumber, severityText, body: 'said', attributes: {} });
    expect(record!.timestamp).toBeGreaterThan(Date.UTC(2020));
  });

  it('has what is known as attributes, and its trace as its context', () => {
    const record = logRecordOf(written((log) => log.info({ model: 'm', sites: [1, 2], ...TRACE }, 'said')))!;
    expect(record.attributes).toEqual({ model: 'm', sites: [1, 2] });
    const spanContext: SpanContext | undefined = trace.getSpanContext(record.context!);
    expect(spanContext).toMatchObject({ traceId: TRACE.trace_id, spanId: TRACE.span_id });
  });

  it('has an error by the names of exceptions', () => {
    const thrown = logRecordOf(written((log) => log.error({ error: new TypeError('no') }, 'failed')))!;
    expect(thrown.attributes).toEqual({
      'exception.type': 'TypeError',
      'exception.message': 'no',
      'exception.stacktrace': expect.stringContaining('TypeError: no\n'),
    });
    expect(logRecordOf(written((log) => log.warn({ error: 'no' }, 'failed')))!.attributes).toEqual({
      'exception.message': 'no',
    });
  });

  it('is none where it belongs to no trace, or is no line of the log', () => {
    expect(
      logRecordOf(written((log) => log.info({ trace_id: 'x', span_id: '' }, 'said')))!.context,
    ).toBeUndefined();
    for (const text of ['', 'no JSON\n', '{"a":1}\n']) expect(logRecordOf(text)).toBeUndefined();
  });
});
