import type { Logger } from 'pino';
import { VERSION } from '../config/version.ts';

/** Sends what is left; resolves when it is sent, or cannot be. */
export type StopExport = () => Promise<void>;

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Whether the standard variables ask for spans: an endpoint, or the exporter `otlp`.
 *
 * Source: OpenTelemetry, environment variable specification.
 */
export function wantsSpans(env: Environment): boolean {
  if (env.OTEL_SDK_DISABLED?.toLowerCase() === 'true') return false;
  const exporter = env.OTEL_TRACES_EXPORTER?.trim();
  if (exporter !== undefined && exporter !== '') return exporter.split(',').includes('otlp');
  return Boolean(env.OTEL_EXPORTER_OTLP_ENDPOINT ?? env.OTEL_EXPORTER_OTLP_TRACES_ENDPOINT);
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
  const protocol = env.OTEL_EXPORTER_OTLP_TRACES_PROTOCOL ?? env.OTEL_EXPORTER_OTLP_PROTOCOL;
  if (protocol !== undefined && protocol !== 'http/protobuf')
    log.warn(
      { protocol },
      'spans are exported as http/protobuf: expected OTEL_EXPORTER_OTLP_PROTOCOL to say so',
    );
  log.info('spans are exported over OTLP');
  return () => provider.shutdown().catch((error: unknown) => log.warn({ error }, 'spans were lost'));
}
