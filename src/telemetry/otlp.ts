import type { Logger } from 'pino';
import { VERSION } from '../config/version.ts';

/** Least time in milliseconds between two lines of the log about spans that could not be exported. */
const FAILURES_EVERY_MS = 60_000;

/** Sends what is left; resolves when it is sent, or cannot be, which a silent collector delays by its time-outs. */
export type StopExport = () => Promise<void>;

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Whether the standard variables ask for spans: an endpoint, or the exporter `otlp`.
 *
 * Source: OpenTelemetry, environment variable specification.
 */
export function wantsSpans(env: Environment): boolean {
  if (env.OTEL_SDK_DISABLED?.toLowerCase() === 'true') return false;
  const exporters = (env.OTEL_TRACES_EXPORTER ?? '').split(',').map((name) => name.trim());
  if (exporters.some((name) => name !== '')) return exporters.includes('otlp');
  // An empty variable counts as unset.
  return Boolean(env.OTEL_EXPORTER_OTLP_ENDPOINT || env.OTEL_EXPORTER_OTLP_TRACES_ENDPOINT);
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
    tell(reason, failures);
    toldAt = now();
    failures = 0;
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
 * Exports spans over OTLP/HTTP (protobuf), if the environment asks for it. Endpoint, headers, compression, sampler, batches,
 * service name and resource attributes are those of the standard variables; the service is `taustat` by default. A provider
 * that the process has already registered is left alone.
 *
 * @returns undefined where nothing is exported by this.
 */
export async function exportSpans(env: Environment, log: Logger): Promise<StopExport | undefined> {
  if (!wantsSpans(env)) return undefined;
  // Loaded only here: most servers export nothing.
  const [api, base, { OTLPTraceExporter }, resources] = await Promise.all([
    import('@opentelemetry/api'),
    import('@opentelemetry/sdk-trace-base'),
    import('@opentelemetry/exporter-trace-otlp-proto'),
    import('@opentelemetry/resources'),
  ]);
  const service = resources.resourceFromAttributes({ 'service.name': 'taustat', 'service.version': VERSION });
  const fromEnvironment = resources.detectResources({ detectors: [resources.envDetector] });
  const exporter = new OTLPTraceExporter();
  const provider = new base.BasicTracerProvider({
    resource: resources.defaultResource().merge(service).merge(fromEnvironment),
    spanProcessors: [new base.BatchSpanProcessor(exporter)],
  });
  if (!api.trace.setGlobalTracerProvider(provider)) {
    log.info('spans go to the OpenTelemetry provider that this process has registered');
    await provider.shutdown();
    return undefined;
  }
  const failed = rarely(FAILURES_EVERY_MS, (reason, failures) =>
    log.warn({ reason, failures }, 'spans could not be exported'),
  );
  // The default error handler of OpenTelemetry writes to its diagnostics, which nobody reads by default.
  const report = (message: string) => failed(diagnosticText(message));
  const ignore = () => undefined;
  api.diag.setLogger(
    { error: report, warn: report, info: ignore, debug: ignore, verbose: ignore },
    { logLevel: api.DiagLogLevel.WARN, suppressOverrideMessage: true },
  );
  const protocol = env.OTEL_EXPORTER_OTLP_TRACES_PROTOCOL || env.OTEL_EXPORTER_OTLP_PROTOCOL;
  if (protocol && protocol !== 'http/protobuf')
    log.warn(
      { protocol },
      'spans are exported as http/protobuf: expected OTEL_EXPORTER_OTLP_PROTOCOL to say so',
    );
  log.info('spans are exported over OTLP');
  return () => provider.shutdown().catch((error: unknown) => log.warn({ error }, 'spans were lost'));
}
