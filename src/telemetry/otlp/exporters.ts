import { randomUUID } from 'node:crypto';
import { type HrTime, trace } from '@opentelemetry/api';
import { OTLPExporterBase } from '@opentelemetry/otlp-exporter-base';
import {
  convertLegacyHttpOptions,
  createOtlpHttpExportDelegate,
} from '@opentelemetry/otlp-exporter-base/node-http';
import {
  type IExporterMetricsHelper,
  type ISerializer,
  LogsExporterMetricsHelper,
  MetricsExporterMetricsHelper,
  ProtobufLogsSerializer,
  ProtobufMetricsSerializer,
  ProtobufTraceSerializer,
  TraceExporterMetricsHelper,
} from '@opentelemetry/otlp-transformer';
import {
  defaultResource,
  detectResources,
  envDetector,
  type Resource,
  resourceFromAttributes,
} from '@opentelemetry/resources';
import { BatchLogRecordProcessor, LoggerProvider } from '@opentelemetry/sdk-logs';
import { MeterProvider, PeriodicExportingMetricReader } from '@opentelemetry/sdk-metrics';
import { BasicTracerProvider, BatchSpanProcessor } from '@opentelemetry/sdk-trace-base';
import { VERSION } from '../../config/version.ts';
import type { MetricsOfProcess } from '../metrics.ts';
import { logRecordOf } from './log-record.ts';
import { metricDataOf } from './metric-data.ts';
import type { LogBatches, MetricTimes, Signal } from './signals.ts';

/** Where a signal goes; `shutdown` sends what is left. */
interface Provider {
  shutdown(): Promise<void>;
}

/** What this process is, for whoever reads its telemetry: each process of a server is an instance. */
export function resourceOfProcess(): Resource {
  const service = resourceFromAttributes({
    'service.name': 'taustat',
    'service.version': VERSION,
    'service.instance.id': randomUUID(),
  });
  return defaultResource()
    .merge(service)
    .merge(detectResources({ detectors: [envDetector] }));
}

/** Exports the spans of this process. @returns undefined if somebody else does: a provider was registered before. */
export function exportSpans(resource: Resource): Provider | undefined {
  const exporter = otlpExporter('traces', ProtobufTraceSerializer, TraceExporterMetricsHelper);
  const provider = new BasicTracerProvider({ resource, spanProcessors: [new BatchSpanProcessor(exporter)] });
  if (trace.setGlobalTracerProvider(provider)) return provider;
  void provider.shutdown();
  return undefined;
}

/** Exports what `/metrics` has, now and then. */
export function exportMetrics(
  resource: Resource,
  { intervalMs, timeoutMs }: MetricTimes,
  collect: () => Promise<MetricsOfProcess>,
): Provider {
  const startTime = hrTime(performance.timeOrigin);
  const producer = {
    collect: async () => {
      const metrics = metricDataOf(await collect(), { startTime, endTime: hrTime(Date.now()) });
      return { resourceMetrics: { resource, scopeMetrics: [{ scope: SCOPE, metrics }] }, errors: [] };
    },
  };
  const reader = new PeriodicExportingMetricReader({
    exporter: otlpExporter('metrics', ProtobufMetricsSerializer, MetricsExporterMetricsHelper),
    exportIntervalMillis: intervalMs,
    exportTimeoutMillis: timeoutMs,
    metricProducers: [producer],
  });
  return new MeterProvider({ resource, readers: [reader] });
}

/** Exports the lines of the log. */
export function exportLogs(
  resource: Resource,
  batches: LogBatches,
): Provider & { write(line: string): void } {
  const exporter = otlpExporter('logs', ProtobufLogsSerializer, LogsExporterMetricsHelper);
  const provider = new LoggerProvider({
    resource,
    processors: [new BatchLogRecordProcessor({ exporter, ...batches })],
  });
  const logger = provider.getLogger(SCOPE.name, SCOPE.version);
  return {
    write: (line) => {
      const record = logRecordOf(line);
      if (record !== undefined) logger.emit(record);
    },
    shutdown: () => provider.shutdown(),
  };
}

const SCOPE = { name: 'taustat', version: VERSION };

/** OTLP/HTTP in protobuf, with endpoint, headers, compression and time-out from the environment. */
function otlpExporter<Internal, Response>(
  signal: Signal,
  serializer: ISerializer<Internal, Response>,
  helper: IExporterMetricsHelper<Internal>,
): OTLPExporterBase<Internal> {
  const headers = { 'Content-Type': 'application/x-protobuf' };
  const options = convertLegacyHttpOptions({}, signal.toUpperCase(), `v1/${signal}`, headers);
  return new OTLPExporterBase(
    createOtlpHttpExportDelegate(options, serializer, 'otlp_http_exporter', helper, undefined),
  );
}

function hrTime(unixMs: number): HrTime {
  const seconds = Math.floor(unixMs / 1000);
  return [seconds, Math.round((unixMs - seconds * 1000) * 1e6)];
}
