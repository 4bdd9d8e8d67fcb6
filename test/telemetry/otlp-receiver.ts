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

/** A collector that takes spans over OTLP/HTTP in protobuf, as opentelemetry/proto/trace/v1/trace.proto numbers their fields. */
export class OtlpReceiver {
  readonly spans: ReceivedSpan[] = [];
  readonly contentTypes = new Set<string | undefined>();
  readonly #server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      this.contentTypes.add(request.headers['content-type']);
      if (request.url === '/v1/traces') this.spans.push(...spansOf(Buffer.concat(chunks)));
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

function spansOf(request: Uint8Array): ReceivedSpan[] {
  return messages(fieldsOf(request), 1).flatMap((resourceSpans) => {
    const resource = Object.assign({}, ...messages(resourceSpans, 1).map((it) => attributesOf(it, 1)));
    return messages(resourceSpans, 2).flatMap((scope) =>
      messages(scope, 2).map((it) => spanOf(it, resource)),
    );
  });
}

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
  if (!value.has(4)) return undefined;
  return Buffer.from(BigInt64Array.of(first(value, 4) as bigint).buffer).readDoubleLE();
}
