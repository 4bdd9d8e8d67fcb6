// A real server exports its spans to a real OTLP receiver.
import { type AddressInfo, createServer } from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { readExposition, samplesOf } from '../../console/exposition.js';
import { diagnosticText, rarely } from '../../src/telemetry/otlp/otlp.ts';
import { type Running, start } from '../cli/command.ts';
import { GrpcClient } from '../contracts/inference/grpc-client.ts';
import { SMALL_GATED_ENV, SMALL_NAME } from '../small-cnn.ts';
import { until } from '../transport/http/until.ts';
import { OtlpReceiver, type ReceivedMetric, type ReceivedSpan } from './otlp-receiver.ts';

const TRACE = '0af7651916cd43dd8448eb211c80319c';
const PARENT = 'b7ad6b7169203331';
const ROUTE = '/v2/models/{model}/infer';
const REQUEST = `POST ${ROUTE}`;
const IMAGE = { name: 'image', shape: [1, 1, 28, 28], datatype: 'FP32' as const };

describe('failures', () => {
  it('are told of at once, and then once a period, with their number', () => {
    let now = 5;
    const told: unknown[] = [];
    const failed = rarely(
      1000,
      (...what) => told.push(what),
      () => now,
    );
    for (const reason of ['a', 'b', 'c']) failed(reason);
    now = 1005;
    for (const reason of ['d', 'e']) failed(reason);
    expect(told).toEqual([
      ['a', 1],
      ['d', 3],
    ]);
  });

  it.each([
    ['Dropped 3 spans', 'Dropped 3 spans'],
    ['{"stack":"Error: no\\n at x","message":"no"}', 'no'],
    ['{"code":"ECONNREFUSED","name":"AggregateError"}', 'ECONNREFUSED'],
  ])('%s: %s', (message, text) => {
    expect(diagnosticText(message)).toBe(text);
  });
});

describe('a collector that takes nothing', () => {
  const silent = createServer();
  let running: Running | undefined;
  afterEach(() => running?.child.kill('SIGKILL'));
  afterAll(() => silent.close());

  const listening = async () => {
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
    return `http://127.0.0.1:${(silent.address() as AddressInfo).port}`;
  };
  const serve = async (endpoint: string, env: Record<string, string> = {}) => {
    running = start('dist/cli.js', ['serve', '--port', '0'], {
      ...SMALL_GATED_ENV,
      OTEL_EXPORTER_OTLP_ENDPOINT: endpoint,
      ...env,
    });
    const url = await running.saying(/"url":"([^"]+)"/);
    await fetch(`${url}/v2/models/${SMALL_NAME}/infer`, { method: 'POST', body: '{"inputs":[]}' });
    return { ...running, url };
  };

  it.each([
    ['refuses connections', async () => 'http://127.0.0.1:1'],
    ['never answers', listening],
  ])('does not keep the server from ending in good order: it %s', async (_, endpoint) => {
    const { child, outcome } = await serve(await endpoint(), {
      OTEL_EXPORTER_OTLP_TIMEOUT: '60000',
      OTEL_BSP_EXPORT_TIMEOUT: '60000',
    });
    const asked = performance.now();
    child.kill('SIGTERM');
    const { code, stdout } = await outcome;
    expect([code, child.signalCode]).toEqual([0, null]);
    expect(stdout).toMatch(/"msg":"stopped"[\s\S]*telemetry was lost/);
    expect(stdout).not.toContain('something hangs');
    expect(performance.now() - asked).toBeLessThan(20_000);
  });

  it('is told of in the log, once', async () => {
    const { url, saying, child, outcome } = await serve('http://127.0.0.1:1', {
      OTEL_BSP_SCHEDULE_DELAY: '20',
      OTEL_EXPORTER_OTLP_TIMEOUT: '200',
    });
    await saying(
      /"reason":"connect ECONNREFUSED 127\.0\.0\.1:1","failures":1,"msg":"telemetry could not be exported"/,
    );
    for (let i = 0; i < 5; i++) {
      await fetch(`${url}/v2/models/${SMALL_NAME}/infer`, { method: 'POST', body: '{"inputs":[]}' });
      await new Promise((resolve) => setTimeout(resolve, 60));
    }
    child.kill('SIGTERM');
    const { stdout } = await outcome;
    expect(stdout.match(/telemetry could not be exported/g)).toHaveLength(1);
  });
});

describe('taustat serve with OTEL_EXPORTER_OTLP_ENDPOINT', () => {
  const receiver = new OtlpReceiver();
  let openMetrics = '';
  let metrics = '';
  let exported: readonly ReceivedMetric[] = [];
  let stdout = '';
  beforeAll(async () => {
    const server = start('dist/cli.js', ['serve', '--port', '0', '--grpc-port', '0', '--sampling', '1'], {
      ...SMALL_GATED_ENV,
      OTEL_EXPORTER_OTLP_ENDPOINT: await receiver.listen(),
      OTEL_RESOURCE_ATTRIBUTES: 'deployment.environment.name=test',
      OTEL_METRIC_EXPORT_INTERVAL: '100',
      OTEL_BLRP_SCHEDULE_DELAY: '50',
      TAUSTAT_WINDOW_MIN_SAMPLES: '4',
    });
    const url = await server.saying(/"url":"([^"]+)"/);
    const post = (body: string, headers: Record<string, string> = {}) =>
      fetch(`${url}/v2/models/${SMALL_NAME}/infer`, { method: 'POST', body, headers });
    const inputs = [{ ...IMAGE, data: new Array(784).fill(0.5) }];
    const traced = { traceparent: `00-${TRACE}-${PARENT}-01` };
    expect((await post(JSON.stringify({ inputs }), traced)).status).toBe(200);
    const accept = { Accept: 'application/openmetrics-text' };
    openMetrics = await (await fetch(`${url}/metrics`, { headers: accept })).text();
    expect((await post('{"inputs":[]}')).status).toBe(400);
    const client = new GrpcClient(await server.saying(/"grpc":"([^"]+)"/), true);
    const elements = new Float32Array(784).fill(0.5);
    await client.infer({ model: SMALL_NAME, inputs: [{ ...IMAGE, elements }] });
    client.close();
    await until(async () => {
      await post(JSON.stringify({ inputs }));
      const metrics = await (await fetch(`${url}/metrics`)).text();
      return /taustat_estimator_duration_seconds_count\{step="critical-point"\} [1-9]/.test(metrics);
    });
    await fetch(`${url}/v2/models/${SMALL_NAME}/pruning`, { method: 'PUT', body: '{"mode":"off"}' });
    // Nothing is asked any more: an export that began after the scrape tells the same.
    metrics = await (await fetch(`${url}/metrics`)).text();
    const before = receiver.exports.length;
    await until(() => Promise.resolve(receiver.exports.length >= before + 2));
    exported = receiver.exports.at(-1)!;
    server.child.kill('SIGTERM');
    ({ stdout } = await server.outcome);
  });
  afterAll(() => receiver.close());

  const withAttribute = (name: string, attribute: string) =>
    receiver.named(name).filter(({ attributes }) => attribute in attributes);

  it('is a service with attributes of its own, in protobuf', () => {
    expect([...receiver.contentTypes]).toEqual(['application/x-protobuf']);
    for (const { resource } of [...receiver.spans, ...receiver.lines, ...exported])
      expect(resource).toMatchObject({ 'service.name': 'taustat', 'deployment.environment.name': 'test' });
  });

  it('tells of a request, and of its parts, under the trace of the caller', () => {
    const [request] = receiver.named(REQUEST).filter(({ traceId }) => traceId === TRACE);
    expect(request).toMatchObject({
      parentSpanId: PARENT,
      kind: 2,
      attributes: {
        'http.request.method': 'POST',
        'http.route': ROUTE,
        'http.response.status_code': 200,
        'taustat.model': SMALL_NAME,
        'taustat.threshold': 0,
        'taustat.rows': 1,
      },
      status: 0,
    });
    expectParts(request!);
  });

  it('names the trace beside the bucket of its duration, where OpenMetrics is asked for', () => {
    const exemplars = openMetrics.split('\n').filter((line) => line.includes(' # '));
    expect(exemplars).toEqual([expect.stringContaining(` # {trace_id="${TRACE}"} 0.`)]);
    expect(exemplars[0]).toMatch(/^taustat_request_duration_seconds_bucket\{.*phase="total"\} 1 # /);
    expect(openMetrics).toMatch(/\n# EOF\n$/);
  });

  it('tells of a request that was refused', () => {
    expect(withAttribute(REQUEST, 'error.type')).toMatchObject([
      { attributes: { 'error.type': 'INVALID_REQUEST', 'http.response.status_code': 400 }, status: 0 },
    ]);
  });

  it('tells of a gRPC call', () => {
    const [call] = receiver.named('inference.GRPCInferenceService/ModelInfer');
    expect(call).toMatchObject({
      kind: 2,
      attributes: { 'rpc.system': 'grpc', 'rpc.method': 'ModelInfer', 'rpc.grpc.status_code': 0 },
    });
    expectParts(call!);
  });

  it('links what is done with a sample to its request', () => {
    const requests = new Set(receiver.spans.map(({ spanId }) => spanId));
    const shadows = receiver.named('taustat.shadow');
    expect(shadows.length).toBeGreaterThan(0);
    for (const { links, parentSpanId } of shadows) {
      expect(links).toHaveLength(1);
      expect(requests.has(links[0]!)).toBe(true);
      expect(parentSpanId).toBe('');
    }
  });

  it('tells of estimates, and of changes with their evidence', () => {
    const [estimate] = receiver.named('taustat.estimate');
    expect(estimate!.attributes).toEqual({ 'taustat.model': SMALL_NAME });
    expect(estimate!.endNs).toBeGreaterThan(estimate!.startNs);
    for (const { attributes } of receiver.named('taustat.threshold'))
      expect(attributes).toMatchObject({
        'taustat.model': SMALL_NAME,
        'taustat.threshold': expect.any(Number),
        'taustat.reason': expect.stringMatching(/./),
        'taustat.evidence': expect.stringMatching(/./),
      });
    expect(receiver.named('taustat.threshold')).not.toHaveLength(0);
  });

  it('exports the metrics of /metrics under their names, with their labels and values', () => {
    const exposition = readExposition(metrics);
    const families = [...metrics.matchAll(/^# TYPE (\S+) (\S+)$/gm)].map(
      ([, name, type]) => [name!, type!] as const,
    );
    const withSamples = families.filter(([name]) => exposition.has(name) || exposition.has(`${name}_count`));
    const finite = withSamples.filter(
      ([name]) => exposition.get(name)?.some(({ value }) => Number.isFinite(value)) ?? true,
    );
    // What the process is doing differs from one moment to the next.
    const ofTaustat = (names: readonly string[]) =>
      names.filter((name) => name.startsWith('taustat_')).sort();
    expect(ofTaustat(exported.map(({ name }) => name))).toEqual(ofTaustat(finite.map(([name]) => name)));
    expect(exported.map(({ name }) => name)).toContain('process_cpu_seconds_total');
    expect(exported.length).toBeGreaterThan(40);
    const typeOf = new Map(families);
    for (const { name, kind, isMonotonic, temporality } of exported) {
      expect([name, kind === 'sum' ? 'counter' : kind]).toEqual([name, typeOf.get(name)]);
      expect([name, isMonotonic]).toEqual([name, kind === 'sum']);
      expect([name, temporality]).toEqual([name, kind === 'gauge' ? 0 : 2]);
    }
    const named = (name: string) => exported.find((metric) => metric.name === name)!;
    expect(named('taustat_request_duration_seconds').unit).toBe('s');
    expect(named('taustat_kept_input_bytes').unit).toBe('By');
    expect(named('taustat_exposure_ratio').unit).toBe('1');
    for (const name of [
      'taustat_requests_total',
      'taustat_answers_total',
      'taustat_state',
      'taustat_model_info',
    ])
      expect(named(name).points.map(({ attributes, value }) => ({ labels: attributes, value }))).toEqual(
        exposition.get(name),
      );
    for (const { attributes, value, startNs, timeNs } of named('taustat_request_duration_seconds').points) {
      const { bounds, counts, sum } = value as { bounds: number[]; counts: number[]; sum: number };
      const buckets = samplesOf(
        exposition,
        'taustat_request_duration_seconds_bucket',
        attributes as Record<string, string>,
      );
      expect([...bounds.map(String), '+Inf']).toEqual(buckets.map(({ labels }) => labels.le));
      expect(counts.map((_, i) => counts.slice(0, i + 1).reduce((a, b) => a + b, 0))).toEqual(
        buckets.map(({ value: upTo }) => upTo),
      );
      expect([sum]).toEqual(
        samplesOf(
          exposition,
          'taustat_request_duration_seconds_sum',
          attributes as Record<string, string>,
        ).map((sample) => sample.value),
      );
      expect(timeNs).toBeGreaterThan(startNs);
    }
  });

  it('exports the lines of the log, with their severity, fields and trace', () => {
    const told = stdout.split('\n').flatMap((line) => (line.startsWith('{') ? [JSON.parse(line)] : []));
    const [serving] = receiver.lines.filter(({ body }) => body === 'serving');
    expect(serving).toMatchObject({
      severity: 9,
      severityText: 'INFO',
      traceId: '',
      attributes: { model: SMALL_NAME, models: [SMALL_NAME] },
      timeNs: BigInt(told.find(({ msg }) => msg === 'serving').time) * 1_000_000n,
    });
    // All but what was said before the export began, and after it ended.
    const bodies = receiver.lines.map(({ body }) => body);
    const from = told.findIndex(({ msg }) => msg === bodies[0]);
    expect(bodies).toEqual(told.slice(from, from + bodies.length).map(({ msg }) => msg));
    expect(bodies).toContain('stopped');
  });

  it('names the trace of a change in the line of the log that tells of it', () => {
    const changes = receiver.named('taustat.threshold');
    const lines = receiver.lines.filter(({ traceId }) => traceId !== '');
    expect(lines.map(({ traceId, spanId }) => [traceId, spanId])).toEqual(
      changes.map(({ traceId, spanId }) => [traceId, spanId]),
    );
    expect(lines.map(({ body }) => body)).toEqual(
      changes.map(({ attributes }) => attributes['taustat.evidence']),
    );
    for (const { traceId } of lines) expect(stdout).toContain(`"trace_id":"${traceId}"`);
  });

  /** In the order of the data flow, none outside the request. */
  function expectParts(request: ReceivedSpan): void {
    const parts = [...receiver.childrenOf(request)].sort((a, b) => Number(a.startNs - b.startNs));
    expect(parts.map(({ name }) => name)).toEqual([
      'taustat.decode',
      'taustat.queue',
      'taustat.infer',
      'taustat.encode',
    ]);
    for (const { traceId, startNs, endNs } of parts) {
      expect(traceId).toBe(request.traceId);
      expect(startNs).toBeGreaterThanOrEqual(request.startNs - 1_000_000n);
      expect(endNs).toBeLessThanOrEqual(request.endNs + 1_000_000n);
    }
  }
});
