import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { BinaryReader, WireType } from '@bufbuild/protobuf/wire';

export interface ReceivedSpan {
  readonly resource: Readonly<Record<string, unknown>>;
  readonly traceId: string;
  readonly spanId: string;
  /** Empty without one. */
  readonly parentSpanId: string;
  readonly name: string;
  /** 1 internal, 2 server. */
  readonly kind: number;
  readonly startNs: bigint;
  readonly endNs: bigint;
  readonly attributes: Readonly<Record<string, unknown>>;
  /** Span ids. */
  readonly links: readonly string[];
  /** 0 unset, 2 error. */
  readonly status: number;
}

/** One point of a metric: a number, or a histogram. */
export interface ReceivedPoint {
  readonly attributes: Readonly<Record<string, unknown>>;
  readonly startNs: bigint;
  readonly timeNs: bigint;
  readonly value:
    | number
    | { readonly bounds: readonly number[]; readonly counts: readonly number[]; readonly sum: number };
}

export interface ReceivedMetric {
  readonly resource: Readonly<Record<string, unknown>>;
  readonly name: string;
  readonly description: string;
  readonly unit: string;
  readonly kind: 'gauge' | 'sum' | 'histogram';
  /** 2 cumulative. */
  readonly temporality: number;
  readonly isMonotonic: boolean;
  readonly points: readonly ReceivedPoint[];
}

export interface ReceivedLine {
  readonly resource: Readonly<Record<string, unknown>>;
  readonly timeNs: bigint;
  readonly severity: number;
  readonly severityText: string;
  readonly body: unknown;
  readonly attributes: Readonly<Record<string, unknown>>;
  /** Empty without a trace. */
  readonly traceId: string;
  readonly spanId: string;
}

/**
 * A collector that takes spans, metrics and logs over OTLP/HTTP in protobuf, as opentelemetry/proto/{trace,metrics,logs}/v1 number
 * their fields.
 */
export class OtlpReceiver {
  readonly spans: ReceivedSpan[] = [];
  /** Each export by itself, the latest last. */
  readonly exports: (readonly ReceivedMetric[])[] = [];
  readonly lines: ReceivedLine[] = [];
  readonly contentTypes = new Set<string | undefined>();
  readonly #server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      this.contentTypes.add(request.headers['content-type']);
      const body = Buffer.concat(chunks);
      if (request.url === '/v1/traces') this.spans.push(...spansOf(body));
      else if (request.url === '/v1/metrics') this.exports.push(metricsOf(body));
      else if (request.url === '/v1/logs') this.lines.push(...linesOf(body));
      response.writeHead(200, { 'Content-Type': 'application/x-protobuf' }).end();
    });
  });

  async listen(): Promise<string> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  close(): void {
    this.#server.closeAllConnections();
    this.#server.close();
  }

  named(name: string): readonly ReceivedSpan[] {
    return this.spans.filter((span) => span.name === name);
  }

  childrenOf({ spanId }: ReceivedSpan): readonly ReceivedSpan[] {
    return this.spans.filter(({ parentSpanId }) => parentSpanId === spanId);
  }
}

type Field = Uint8Array | number | bigint;

/** All fields of a message, by number. */
function fieldsOf(bytes: Uint8Array): Map<number, Field[]> {
  const reader = new BinaryReader(bytes);
  const fields = new Map<number, Field[]>();
  while (reader.pos < reader.len) {
    const [number, type] = reader.tag();
    const value = fieldOf(reader, type);
    fields.set(number, [...(fields.get(number) ?? []), value]);
  }
  return fields;
}

function fieldOf(reader: BinaryReader, type: WireType): Field {
  if (type === WireType.LengthDelimited) return reader.bytes();
  if (type === WireType.Bit64) return BigInt(reader.fixed64());
  if (type === WireType.Bit32) return reader.fixed32();
  return BigInt(reader.int64());
}

const messages = (fields: Map<number, Field[]>, number: number) =>
  (fields.get(number) ?? []).map((value) => fieldsOf(value as Uint8Array));
const text = (value: Field | undefined) => Buffer.from((value as Uint8Array | undefined) ?? []).toString();
const hex = (value: Field | undefined) =>
  Buffer.from((value as Uint8Array | undefined) ?? []).toString('hex');
const first = (fields: Map<number, Field[]>, number: number) => fields.get(number)?.[0];

/** The items of a request, which are nested alike for all signals: in scopes, in resources. */
function itemsOf<T>(
  request: Uint8Array,
  read: (item: Map<number, Field[]>, resource: ReceivedSpan['resource']) => T,
): T[] {
  return messages(fieldsOf(request), 1).flatMap((ofResource) => {
    const resource = Object.assign({}, ...messages(ofResource, 1).map((it) => attributesOf(it, 1)));
    return messages(ofResource, 2).flatMap((scope) => messages(scope, 2).map((it) => read(it, resource)));
  });
}

const spansOf = (request: Uint8Array) => itemsOf(request, spanOf);
const metricsOf = (request: Uint8Array) => itemsOf(request, metricOf);
const linesOf = (request: Uint8Array) => itemsOf(request, lineOf);

const KINDS = { 5: 'gauge', 7: 'sum', 9: 'histogram' } as const;

function metricOf(metric: Map<number, Field[]>, resource: ReceivedSpan['resource']): ReceivedMetric {
  const field = ([5, 7, 9] as const).find((number) => metric.has(number))!;
  const [data] = messages(metric, field);
  const kind = KINDS[field];
  return {
    resource,
    name: text(first(metric, 1)),
    description: text(first(metric, 2)),
    unit: text(first(metric, 3)),
    kind,
    temporality: Number(first(data!, 2) ?? 0),
    isMonotonic: first(data!, 3) === 1n,
    points: messages(data!, 1).map((point) => ({
      attributes: attributesOf(point, kind === 'histogram' ? 9 : 7),
      startNs: first(point, 2) as bigint,
      timeNs: first(point, 3) as bigint,
      value: kind === 'histogram' ? histogramOf(point) : numberOf(point),
    })),
  };
}

function numberOf(point: Map<number, Field[]>): number {
  return point.has(4) ? double(first(point, 4) as bigint) : Number(first(point, 6));
}

function histogramOf(point: Map<number, Field[]>) {
  const eights = (number: number) => {
    const all = Buffer.concat((point.get(number) ?? []).map((value) => value as Uint8Array));
    return Array.from({ length: all.length / 8 }, (_, i) => all.readBigUInt64LE(8 * i));
  };
  return {
    bounds: eights(7).map(double),
    counts: eights(6).map(Number),
    sum: double(first(point, 5) as bigint),
  };
}

function lineOf(record: Map<number, Field[]>, resource: ReceivedSpan['resource']): ReceivedLine {
  const [body] = messages(record, 5);
  return {
    resource,
    timeNs: first(record, 1) as bigint,
    severity: Number(first(record, 2)),
    severityText: text(first(record, 3)),
    body: body === undefined ? undefined : anyValue(body),
    attributes: attributesOf(record, 6),
    traceId: hex(first(record, 9)),
    spanId: hex(first(record, 10)),
  };
}

const double = (bits: bigint) => Buffer.from(BigUint64Array.of(bits).buffer).readDoubleLE();

function spanOf(span: Map<number, Field[]>, resource: ReceivedSpan['resource']): ReceivedSpan {
  return {
    resource,
    traceId: hex(first(span, 1)),
    spanId: hex(first(span, 2)),
    parentSpanId: hex(first(span, 4)),
    name: text(first(span, 5)),
    kind: Number(first(span, 6)),
    startNs: first(span, 7) as bigint,
    endNs: first(span, 8) as bigint,
    attributes: attributesOf(span, 9),
    links: messages(span, 13).map((link) => hex(first(link, 2))),
    status: Number(messages(span, 15).map((status) => first(status, 3) ?? 0)[0] ?? 0),
  };
}

function attributesOf(fields: Map<number, Field[]>, number: number): Record<string, unknown> {
  return Object.fromEntries(
    messages(fields, number).map((pair) => {
      const [value] = messages(pair, 2);
      return [text(first(pair, 1)), value === undefined ? undefined : anyValue(value)];
    }),
  );
}

function anyValue(value: Map<number, Field[]>): unknown {
  if (value.has(1)) return text(first(value, 1));
  if (value.has(2)) return first(value, 2) === 1n;
  if (value.has(3)) return Number(first(value, 3));
  if (value.has(4)) return double(first(value, 4) as bigint);
  // A list, or an object.
  if (value.has(5)) return messages(messages(value, 5)[0]!, 1).map(anyValue);
  return value.has(6) ? attributesOf(messages(value, 6)[0]!, 1) : undefined;
}
