import type { Logger } from 'pino';
import type { MetricsOfProcess } from '../metrics.ts';
import { type Environment, logBatches, metricTimes, signalsIn, unsupportedIn } from './signals.ts';

/** Least time in milliseconds between two lines of the log about telemetry that could not be exported. */
const FAILURES_EVERY_MS = 60_000;

/** Telemetry of this process on its way to a collector. */
export interface Export {
  /** A line of the log, as JSON. */
  readonly line: (line: string) => void;
  /** Begins to export metrics, if the environment asks for them. */
  readonly metrics: (collect: () => Promise<MetricsOfProcess>) => void;
  /** Sends what is left; resolves when it is sent, or cannot be, which a silent collector delays by its time-outs. */
  readonly stop: () => Promise<void>;
}

/**
 * Passes on the first failure, and then at most one per period, with how many there were since the last one.
 *
 * @param everyMs - the period, in milliseconds.
 * @param now - a clock in milliseconds.
 */
export function rarely(
  everyMs: number,
  tell: (reason: string, failures: number) => void,
  now: () => number = () => performance.now(),
): (reason: string) => void {
  let toldAt = Number.NEGATIVE_INFINITY;
  let failures = 0;
  return (reason) => {
    failures++;
    if (now() - toldAt < everyMs) return;
    // Told of before the next failure, which telling may be the cause of: the log is exported, too.
    toldAt = now();
    const told = failures;
    failures = 0;
    tell(reason, told);
  };
}

/** What OpenTelemetry's diagnostics say: text, or an error as JSON of its properties. */
export function diagnosticText(message: string): string {
  try {
    const { message: reason, code, name } = JSON.parse(message) as Readonly<Record<string, unknown>>;
    return String(reason ?? code ?? name ?? message);
  } catch {
    return message;
  }
}

/**
 * Exports spans, metrics and the log over OTLP/HTTP (protobuf), as far as the environment asks for them. Endpoints, headers,
 * compression, sampler, batches, intervals, service name and resource attributes are those of the standard variables; the service
 * is `taustat` by default. Where the process has registered a provider of spans, it gets the spans.
 *
 * @returns undefined where nothing is exported by this.
 */
export async function exportTelemetry(env: Environment, log: Logger): Promise<Export | undefined> {
  const signals = signalsIn(env);
  if (signals.length === 0) return undefined;
  // Loaded only here: most servers export nothing.
  const [api, exporters] = await Promise.all([import('@opentelemetry/api'), import('./exporters.ts')]);
  const failed = rarely(FAILURES_EVERY_MS, (reason, failures) =>
    log.warn({ reason, failures }, 'telemetry could not be exported'),
  );
  // The default error handler of OpenTelemetry writes to its diagnostics, which nobody reads by default.
  const report = (message: string) => failed(diagnosticText(message));
  const ignore = () => undefined;
  api.diag.setLogger(
    { error: report, warn: report, info: ignore, debug: ignore, verbose: ignore },
    { logLevel: api.DiagLogLevel.WARN, suppressOverrideMessage: true },
  );
  for (const problem of unsupportedIn(env, signals)) log.warn(problem);
  const resource = exporters.resourceOfProcess();
  const spans = signals.includes('traces') ? exporters.exportSpans(resource) : undefined;
  if (spans === undefined && signals.includes('traces'))
    log.info('spans go to the OpenTelemetry provider that this process has registered');
  const lines = signals.includes('logs') ? exporters.exportLogs(resource, logBatches(env)) : undefined;
  const open = [spans, lines].filter((provider) => provider !== undefined);
  log.info({ signals }, 'telemetry is exported over OTLP');
  return {
    line: (line) => lines?.write(line),
    metrics: (collect) => {
      if (signals.includes('metrics'))
        open.push(exporters.exportMetrics(resource, metricTimes(env), collect));
    },
    stop: async () => {
      const ended = await Promise.allSettled(open.map((provider) => provider.shutdown()));
      const failure = ended.find(({ status }) => status === 'rejected');
      if (failure !== undefined)
        log.warn({ error: (failure as PromiseRejectedResult).reason }, 'telemetry was lost');
    },
  };
}
