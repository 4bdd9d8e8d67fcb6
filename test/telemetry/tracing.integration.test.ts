import {
  type Context,
  INVALID_SPAN_CONTEXT,
  type Span,
  type SpanContext,
  type Tracer,
  trace,
} from '@opentelemetry/api';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { remoteContext } from '../../src/telemetry/tracing.ts';
import { Lab, type Server } from '../conformance/lab.ts';
import { asJson, ROW } from '../conformance/requests.ts';

const TRACE = '0af7651916cd43dd8448eb211c80319c';
const PARENT = 'b7ad6b7169203331';

describe('a traceparent', () => {
  it.each([
    [`00-${TRACE}-${PARENT}-01`, { traceId: TRACE, spanId: PARENT, traceFlags: 1, isRemote: true }],
    [`00-${TRACE}-${PARENT}-02`, { traceId: TRACE, spanId: PARENT, traceFlags: 0, isRemote: true }],
    [`cc-${TRACE}-${PARENT}-01-later`, { traceId: TRACE, spanId: PARENT, traceFlags: 1, isRemote: true }],
    [`ff-${TRACE}-${PARENT}-01`, undefined],
    [`00-${TRACE}-${PARENT}-01-later`, undefined],
    [`00-${'0'.repeat(32)}-${PARENT}-01`, undefined],
    [`00-${TRACE}-${'0'.repeat(16)}-01`, undefined],
    [`00-${TRACE.toUpperCase()}-${PARENT}-01`, undefined],
    [`${TRACE}-${PARENT}`, undefined],
    ['', undefined],
  ])('%s', (header, expected) => {
    expect(remoteContext(header, undefined)).toEqual(expected);
  });
});

interface Started {
  readonly name: string;
  readonly parent: SpanContext | undefined;
  readonly attributes: Record<string, unknown>;
  isEnded: boolean;
}

/** A provider as a host process registers one, that keeps what it is told. */
class Recorder implements Tracer {
  readonly spans: Started[] = [];
  /** Whoever has asked for the tracer keeps it: off, it does as the API does without a provider. */
  isOn = true;

  getTracer(): Tracer {
    return this;
  }

  startSpan(name: string, options: { attributes?: object } = {}, context?: Context): Span {
    const parent = context === undefined ? undefined : trace.getSpanContext(context);
    if (!this.isOn) return trace.wrapSpanContext(parent ?? INVALID_SPAN_CONTEXT);
    const started: Started = {
      name,
      parent,
      attributes: { ...options.attributes },
      isEnded: false,
    };
    this.spans.push(started);
    const span = trace.wrapSpanContext({ traceId: TRACE, spanId: '00f067aa0ba902b7', traceFlags: 1 });
    span.setAttributes = (attributes) => {
      Object.assign(started.attributes, attributes);
      return span;
    };
    span.end = () => {
      started.isEnded = true;
    };
    return span;
  }

  startActiveSpan(): never {
    throw new Error('taustat starts no active span');
  }
}

describe('the trace context of a request over a socket', () => {
  let lab: Lab;
  let server: Server;
  const recorder = new Recorder();
  beforeAll(async () => {
    trace.setGlobalTracerProvider(recorder);
    lab = await Lab.open();
    server = await lab.server('rows');
  });
  afterEach(() => recorder.spans.splice(0));
  afterAll(async () => {
    trace.disable();
    recorder.isOn = false;
    await lab.close();
  });

  it('is the parent of the span around the inference, its state included', async () => {
    const headers = { traceparent: `00-${TRACE}-${PARENT}-01`, tracestate: 'vendor=t61rcWkgMzE' };
    expect((await server.send({ ...asJson([ROW]), headers })).status).toBe(200);
    const [span] = recorder.spans;
    expect(span).toMatchObject({
      name: 'POST /v2/models/{model}/infer',
      parent: { traceId: TRACE, spanId: PARENT, traceFlags: 1, isRemote: true },
      attributes: { 'http.route': '/v2/models/{model}/infer', 'http.response.status_code': 200 },
      isEnded: true,
    });
    expect(span!.parent!.traceState!.serialize()).toBe(headers.tracestate);
  });

  it('that is malformed is ignored, and so is a state without a parent', async () => {
    for (const headers of [{ traceparent: '00-nonsense' }, { tracestate: 'a=b' }]) {
      expect((await server.send({ ...asJson([ROW]), headers })).status).toBe(200);
    }
    expect(recorder.spans.map(({ parent }) => parent)).toEqual([undefined, undefined]);
  });
});
