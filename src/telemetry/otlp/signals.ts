export type Environment = Readonly<Record<string, string | undefined>>;

export const SIGNALS = ['traces', 'metrics', 'logs'] as const;
export type Signal = (typeof SIGNALS)[number];

/**
 * The signals that the standard variables ask for: by an endpoint, of all or of one, or by the exporter `otlp`. With an endpoint,
 * `OTEL_METRICS_EXPORTER=none` and its like leave one out.
 *
 * Source: OpenTelemetry, environment variable specification.
 */
export function signalsIn(env: Environment): readonly Signal[] {
  if (env.OTEL_SDK_DISABLED?.toLowerCase() === 'true') return [];
  return SIGNALS.filter((signal) => wants(env, signal.toUpperCase()));
}

function wants(env: Environment, signal: string): boolean {
  const exporters = (env[`OTEL_${signal}_EXPORTER`] ?? '').split(',').map((name) => name.trim());
  if (exporters.some((name) => name !== '')) return exporters.includes('otlp');
  // An empty variable counts as unset.
  return Boolean(env.OTEL_EXPORTER_OTLP_ENDPOINT || env[`OTEL_EXPORTER_OTLP_${signal}_ENDPOINT`]);
}

/** What a variable asks for that this does not do, as a sentence each. */
export function unsupportedIn(env: Environment, signals: readonly Signal[]): readonly string[] {
  const problems = signals.flatMap((signal) => {
    const variable = `OTEL_EXPORTER_OTLP_${signal.toUpperCase()}_PROTOCOL`;
    const protocol = env[variable] || env.OTEL_EXPORTER_OTLP_PROTOCOL;
    if (!protocol || protocol === 'http/protobuf') return [];
    return [
      `${signal} are exported as http/protobuf: expected OTEL_EXPORTER_OTLP_PROTOCOL to say so, found '${protocol}'`,
    ];
  });
  const temporality = env.OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE || 'cumulative';
  if (signals.includes('metrics') && temporality.toLowerCase() !== 'cumulative')
    problems.push(
      `metrics are cumulative, as /metrics has them: OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE is '${temporality}'`,
    );
  return problems;
}

/** How often metrics are exported, and how long an export may take, in milliseconds. */
export interface MetricTimes {
  readonly intervalMs: number;
  readonly timeoutMs: number;
}

const INTERVAL_MS = 60_000;
const TIMEOUT_MS = 30_000;
/** The longest time of a timer in milliseconds. */
const LONGEST_MS = 2 ** 31 - 1;

/** As the standard variables say; what is no positive number counts as unset, and no export outlasts the interval. */
export function metricTimes(env: Environment): MetricTimes {
  const intervalMs = atLeastOne(env.OTEL_METRIC_EXPORT_INTERVAL, INTERVAL_MS);
  return {
    intervalMs,
    timeoutMs: Math.min(intervalMs, atLeastOne(env.OTEL_METRIC_EXPORT_TIMEOUT, TIMEOUT_MS)),
  };
}

/** How lines of the log are collected before they are exported. */
export interface LogBatches {
  readonly scheduledDelayMillis: number;
  readonly exportTimeoutMillis: number;
  readonly maxQueueSize: number;
  readonly maxExportBatchSize: number;
}

/** As the standard variables say; what is no positive number counts as unset, and no batch is larger than the queue. */
export function logBatches(env: Environment): LogBatches {
  const maxQueueSize = Math.floor(atLeastOne(env.OTEL_BLRP_MAX_QUEUE_SIZE, 2048));
  return {
    scheduledDelayMillis: atLeastOne(env.OTEL_BLRP_SCHEDULE_DELAY, 1000),
    exportTimeoutMillis: atLeastOne(env.OTEL_BLRP_EXPORT_TIMEOUT, 30_000),
    maxQueueSize,
    maxExportBatchSize: Math.min(
      maxQueueSize,
      Math.floor(atLeastOne(env.OTEL_BLRP_MAX_EXPORT_BATCH_SIZE, 512)),
    ),
  };
}

function atLeastOne(text: string | undefined, otherwise: number): number {
  const value = Number(text);
  return text?.trim() && value >= 1 ? Math.min(value, LONGEST_MS) : otherwise;
}
