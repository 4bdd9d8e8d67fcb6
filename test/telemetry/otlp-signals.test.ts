import { describe, expect, it } from 'vitest';
import { logBatches, metricTimes, signalsIn, unsupportedIn } from '../../src/telemetry/otlp/signals.ts';

const ALL = ['traces', 'metrics', 'logs'];

describe('the environment', () => {
  it.each([
    [{}, []],
    [{ OTEL_EXPORTER_OTLP_ENDPOINT: 'http://c:4318' }, ALL],
    [{ OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: 'http://c:4318/v1/traces' }, ['traces']],
    [{ OTEL_EXPORTER_OTLP_METRICS_ENDPOINT: 'http://c:4318/v1/metrics' }, ['metrics']],
    [{ OTEL_EXPORTER_OTLP_LOGS_ENDPOINT: 'http://c:4318/v1/logs' }, ['logs']],
    [{ OTEL_EXPORTER_OTLP_ENDPOINT: 'http://c:4318', OTEL_SDK_DISABLED: 'true' }, []],
    [{ OTEL_EXPORTER_OTLP_ENDPOINT: 'http://c:4318', OTEL_TRACES_EXPORTER: 'none' }, ['metrics', 'logs']],
    [
      {
        OTEL_EXPORTER_OTLP_ENDPOINT: 'http://c:4318',
        OTEL_METRICS_EXPORTER: 'none',
        OTEL_LOGS_EXPORTER: 'none',
      },
      ['traces'],
    ],
    [{ OTEL_TRACES_EXPORTER: 'otlp' }, ['traces']],
    [{ OTEL_METRICS_EXPORTER: 'prometheus, otlp' }, ['metrics']],
    [{ OTEL_LOGS_EXPORTER: 'console' }, []],
    [{ OTEL_TRACES_EXPORTER: ' , ', OTEL_EXPORTER_OTLP_ENDPOINT: '' }, []],
    [
      { OTEL_EXPORTER_OTLP_ENDPOINT: '', OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: 'http://c:4318/v1/traces' },
      ['traces'],
    ],
  ])('%j asks for %j', (env, expected) => {
    expect(signalsIn(env)).toEqual(expected);
  });

  it.each([
    [{}, { intervalMs: 60_000, timeoutMs: 30_000 }],
    [{ OTEL_METRIC_EXPORT_INTERVAL: '1000' }, { intervalMs: 1000, timeoutMs: 1000 }],
    [
      { OTEL_METRIC_EXPORT_INTERVAL: '9000', OTEL_METRIC_EXPORT_TIMEOUT: '500' },
      { intervalMs: 9000, timeoutMs: 500 },
    ],
    [
      { OTEL_METRIC_EXPORT_INTERVAL: '-1', OTEL_METRIC_EXPORT_TIMEOUT: 'soon' },
      { intervalMs: 60_000, timeoutMs: 30_000 },
    ],
    [{ OTEL_METRIC_EXPORT_INTERVAL: '1e300' }, { intervalMs: 2 ** 31 - 1, timeoutMs: 30_000 }],
  ])('%j has times that hold: %j', (env, expected) => {
    expect(metricTimes(env)).toEqual(expected);
  });

  it('has batches of lines that fit the queue', () => {
    const batches = logBatches({ OTEL_BLRP_MAX_QUEUE_SIZE: '10', OTEL_BLRP_SCHEDULE_DELAY: '50' });
    expect(batches).toEqual({
      scheduledDelayMillis: 50,
      exportTimeoutMillis: 30_000,
      maxQueueSize: 10,
      maxExportBatchSize: 10,
    });
  });

  it.each([
    [{}, []],
    [{ OTEL_EXPORTER_OTLP_PROTOCOL: 'http/protobuf' }, []],
    [{ OTEL_EXPORTER_OTLP_LOGS_PROTOCOL: 'grpc' }, [/^logs are exported as http\/protobuf: .*'grpc'$/]],
    [{ OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json' }, [/^traces/, /^metrics/, /^logs/]],
    [{ OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE: 'delta' }, [/^metrics are cumulative.*'delta'$/]],
  ])('%j: what is not done is said', (env, expected) => {
    expect(unsupportedIn(env, signalsIn({ ...env, OTEL_EXPORTER_OTLP_ENDPOINT: 'http://c:4318' }))).toEqual(
      expected.map((pattern) => expect.stringMatching(pattern)),
    );
  });
});
