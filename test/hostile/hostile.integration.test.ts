/** Hostile inputs, kind by kind, to a whole server: what was sent, and what became of it. `docs/security.md` has the table. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import type { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire';
import { Client, credentials, status } from '@grpc/grpc-js';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { ServingError } from '../../src/config/errors.ts';
import { loadConfig } from '../../src/config/sources.ts';
import { createTaustat } from '../../src/index.ts';
import type { Taustat } from '../../src/taustat.ts';
import type { GrpcListening } from '../../src/transport/grpc/server.ts';
import { type Listening, listen } from '../../src/transport/http/server.ts';
import { open, received } from '../transport/http/socket-client.ts';

const PAGE = new URL('../../docs/security.md', import.meta.url);
const MB = 1 << 20;
const BOUNDS = { maxBodyBytes: MB, maxBufferedBytes: 4 * MB, maxConnections: 40, maxEventStreams: 4 };

let taustat: Taustat;
let http: Listening;
let grpc: GrpcListening;
beforeAll(async () => {
  taustat = await createTaustat({ server: BOUNDS, telemetry: { logLevel: 'silent' } });
  const { answerDirectly, onConnectionRefused } = taustat;
  const at = { host: '127.0.0.1', port: 0, maxConnections: BOUNDS.maxConnections };
  http = await listen(taustat.routes, { ...at, answerDirectly, onConnectionRefused });
  grpc = await taustat.listenGrpc({ port: 0 });
});
afterAll(async () => {
  await Promise.all([http.stop(0), grpc.stop(0)]);
  await taustat.close();
});

const head = (method: string, target: string, more: readonly string[] = [], host = 'localhost') =>
  [`${method} ${target} HTTP/1.1`, `Host: ${host}`, 'Connection: close', ...more, '', ''].join('\r\n');
const message = (method: string, target: string, body: string | Uint8Array, more: readonly string[] = []) =>
  Buffer.concat([
    Buffer.from(head(method, target, [...more, `Content-Length: ${Buffer.byteLength(body)}`])),
    Buffer.from(body),
  ]);

/** The status of the first answer to some bytes; 'cut off' where none came. */
async function answerTo(bytes: Uint8Array | string): Promise<string> {
  const socket = await open(http.port);
  socket.on('error', () => undefined);
  const answer = received(socket, (text) => text.includes('\r\n\r\n'));
  socket.write(bytes);
  const text = await answer;
  socket.destroy();
  return text === '' ? 'cut off' : text.slice(9, 12);
}

async function answersTo(messages: readonly (Uint8Array | string)[]): Promise<string[]> {
  const outcomes: string[] = [];
  for (const bytes of messages) outcomes.push(await answerTo(bytes));
  return outcomes;
}

const MODEL = () => `/v2/models/${taustat.model}`;
const list = (count: number, item: (i: number) => string) =>
  Array.from({ length: count }, (_, i) => item(i)).join();

function climbing(): Uint8Array[] {
  const dots = ['.', '..', '%2e', '%2E', '%2e%2e', '.%2e', '%2E.', '%2E%2E'];
  const paths = dots.flatMap((dot) => [
    `/v2/${dot}/metrics`,
    `/v2/models/${dot}/${dot}/metrics`,
    `${MODEL()}/${dot}/${taustat.model}/infer`,
    `/console/${dot}/package.json`,
    `${MODEL()}/pruning/${dot}`,
  ]);
  const empty = [
    '//metrics',
    '/v2//models',
    `${MODEL()}//infer`,
    '/console//console.js',
    '/v2/health/live//',
  ];
  return [...paths, ...empty].flatMap((path) => [
    Buffer.from(head('GET', path)),
    Buffer.from(head('GET', `http://localhost${path}`)),
    message('POST', path, '{}'),
  ]);
}

function ambiguous(): string[] {
  return ['GET', 'POST', 'PUT', 'DELETE'].flatMap((method) => [
    head(method, MODEL(), ['Host: evil.example']),
    head(method, MODEL(), ['hOsT: localhost']),
    head(method, `http://evil.example${MODEL()}`),
    head(method, `http://localhost@evil.example${MODEL()}`),
    head(method, MODEL(), [], 'a b'),
  ]);
}

const CHANGES = (): (readonly [string, string, string])[] => [
  ['PUT', `${MODEL()}/pruning`, '{"mode":"off"}'],
  ['POST', `/v2/repository/models/${taustat.model}/load`, '{}'],
  ['POST', `/v2/repository/models/${taustat.model}/unload`, '{}'],
];

function forwarded(): Uint8Array[] {
  const headers = [
    'Via',
    'Forwarded',
    'X-Forwarded-For',
    'X-Forwarded-Host',
    'X-Forwarded-Proto',
    'X-Forwarded-Any',
  ];
  const vendors = [
    'X-Real-IP',
    'CF-Connecting-IP',
    'True-Client-IP',
    'Fastly-Client-IP',
    'X-Client-IP',
    'CDN-Loop',
  ];
  const pages = ['Origin: http://evil.example', 'Origin: null', 'Sec-Fetch-Site: cross-site'];
  const lines = [...[...headers, ...vendors].map((name) => `${name}: 127.0.0.1`), ...pages];
  return lines.flatMap((line) =>
    CHANGES().map(([method, path, body]) => message(method, path, body, [line])),
  );
}

function contradicting(): Uint8Array[] {
  const bodies = [
    '{"mode":"off","mode":"auto"}',
    '{"mode":"off","m\\u006fde":"auto"}',
    '{"mode":"off","__proto__":{}}',
    '[]',
    '',
  ];
  const more = [
    '{"mode":"fixed","threshold":1e400}',
    '{"mode":"fixed","threshold":-1}',
    '{"mode":["off"]}',
    'null',
    '\ufeff{"mode":"off"}',
  ];
  return [...bodies, ...more].map((body) => message('PUT', `${MODEL()}/pruning`, body));
}

function countless(): Uint8Array[] {
  const parameters = (count: number) => `"parameters":{${list(count, (i) => `"p${i}":1`)}}`;
  const bodies = [
    `{${parameters(2000)},"inputs":[]}`,
    `{${parameters(60_000)},"inputs":[]}`,
    `{"inputs":[{${parameters(2000)}}]}`,
    `{"inputs":[${list(5000, () => '{}')}]}`,
    `{"inputs":[],"outputs":[${list(5000, () => '{}')}]}`,
    `{"inputs":[{"name":"x","shape":[${list(100, () => '1')}]}]}`,
    `{"x":[${list(70_000, () => '1')}]}`,
    `{"inputs":[${list(90, () => `{${parameters(900)}}`)}]}`,
    `${'['.repeat(10_000)}`,
    `${'{"a":'.repeat(10_000)}`,
  ];
  return bodies.flatMap((body) => [
    message('POST', `${MODEL()}/infer`, body),
    message('POST', `${MODEL()}/infer`, gzipSync(body), ['Content-Encoding: gzip']),
    message('POST', `${MODEL()}/infer`, body, [`Inference-Header-Content-Length: ${body.length}`]),
  ]);
}

function oversized(): Uint8Array[] {
  const gzipped = (bytes: number) => gzipSync(Buffer.alloc(bytes, ' '));
  const target = `${MODEL()}/infer`;
  return [
    Buffer.from(head('POST', target, [`Content-Length: ${2 * MB}`])),
    Buffer.from(head('POST', target, [`Content-Length: ${Number.MAX_SAFE_INTEGER}`])),
    ...[2, 8, 64].map((size) => message('POST', target, gzipped(size * MB), ['Content-Encoding: gzip'])),
    message('PUT', `${MODEL()}/pruning`, Buffer.alloc(70_000, ' ')),
    message('POST', '/v2/repository/index', Buffer.alloc(70_000, ' ')),
  ];
}

function noHttp(): string[] {
  return [
    'hello\r\n\r\n',
    '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03',
    'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n',
    'GET / HTTP/9.9\r\n\r\n',
    head('GET', '/v2', ['no colon']),
    head('GET', '/v2', [' folded: a']),
    head('POST', '/v2', ['Content-Length: 1', 'Content-Length: 2']),
    head('POST', '/v2', ['Content-Length: 1', 'Transfer-Encoding: chunked']),
    head('POST', '/v2', ['Transfer-Encoding: chunked, identity']),
    head('POST', '/v2', ['Content-Length: -1']),
  ];
}

/** Bodies that stay half sent, until there is no room; then what others are told. */
async function halfSent(): Promise<string[]> {
  const halves: Socket[] = [];
  for (let i = 0; i < 4; i++) {
    const socket = (await open(http.port)).on('error', () => undefined);
    socket.write(head('POST', `${MODEL()}/infer`, [`Content-Length: ${MB}`]));
    await new Promise<void>((resolve) => socket.write(Buffer.alloc(MB - 1), () => resolve()));
    halves.push(socket);
  }
  // The server has read them all once one more has no room.
  const late = head('POST', `${MODEL()}/infer`, [`Content-Length: ${MB}`]);
  while ((await answerTo(late)) !== '503');
  const outcomes = await answersTo(Array.from({ length: 20 }, () => late));
  for (const socket of halves) socket.destroy();
  return outcomes;
}

async function connections(): Promise<string[]> {
  const kept: Socket[] = [];
  for (let i = 0; i < BOUNDS.maxConnections; i++)
    kept.push((await open(http.port)).on('error', () => undefined));
  const outcomes = await answersTo(Array.from({ length: 30 }, () => head('GET', '/v2/health/live')));
  for (const socket of kept) socket.destroy();
  return outcomes;
}

async function streams(): Promise<string[]> {
  const ask = head('GET', `${MODEL()}/pruning/events`);
  const kept: Socket[] = [];
  for (let i = 0; i < BOUNDS.maxEventStreams; i++) {
    const socket = (await open(http.port)).on('error', () => undefined);
    const answer = received(socket, (text) => text.includes('\r\n\r\n'));
    socket.write(ask);
    await answer;
    kept.push(socket);
  }
  const outcomes = await answersTo(Array.from({ length: 10 }, () => ask));
  for (const socket of kept) socket.destroy();
  return outcomes;
}

async function messages(): Promise<string[]> {
  const parts: readonly (readonly [field: number, count: number])[] = [
    [4, 2000],
    [4, 70_000],
    [5, 5000],
    [6, 5000],
    [7, 5000],
    [99, 70_000],
  ];
  const client = new Client(grpc.address, credentials.createInsecure());
  const outcomes: string[] = [];
  for (const [field, count] of parts) {
    const writer = new BinaryWriter();
    for (let i = 0; i < count; i++) {
      const part =
        field === 4
          ? new BinaryWriter().tag(1, WireType.LengthDelimited).string(`p${i}`).finish()
          : new Uint8Array();
      writer.tag(field, WireType.LengthDelimited).bytes(part);
    }
    const bytes = Buffer.from(writer.finish());
    const code = await new Promise<number>((resolve) =>
      client.makeUnaryRequest(
        '/inference.GRPCInferenceService/ModelInfer',
        (it: Buffer) => it,
        (it) => it,
        bytes,
        (error) => resolve(error?.code ?? 0),
      ),
    );
    outcomes.push(status[code]!);
  }
  client.close();
  return outcomes;
}

async function settings(): Promise<string[]> {
  const folder = mkdtempSync(join(tmpdir(), 'taustat-hostile-'));
  const sections = ['model', 'server', 'runtime', 'control', 'sampling', 'store', 'telemetry'];
  const forms = [
    '[a]',
    'text',
    '3',
    'true',
    '\n  - token: supersecret',
    '{__proto__: {token: supersecret}}',
    '!!omap [token: supersecret]',
  ];
  const outcomes = sections.flatMap((section) =>
    forms.map((form, i) => {
      const path = join(folder, 'taustat.yaml');
      writeFileSync(path, `${i === forms.length - 1 ? '%YAML 1.1\n---\n' : ''}${section}: ${form}\n`);
      try {
        loadConfig(path, {}, {});
        return 'started';
      } catch (error) {
        return error instanceof ServingError ? error.code : String(error);
      }
    }),
  );
  rmSync(folder, { recursive: true });
  return outcomes;
}

interface Kind {
  readonly what: string;
  readonly send: () => Promise<string[]>;
  /** All that may become of it. */
  readonly allowed: readonly string[];
}

const KINDS: readonly Kind[] = [
  {
    what: 'paths with dot segments, raw and encoded, or empty segments',
    send: () => answersTo(climbing()),
    allowed: ['404'],
  },
  {
    what: 'two Host headers, or a target on another host',
    send: () => answersTo(ambiguous()),
    allowed: ['400'],
  },
  {
    what: 'changes that a proxy forwards, or another site’s page sends',
    send: () => answersTo(forwarded()),
    allowed: ['403'],
  },
  { what: 'changes that contradict themselves', send: () => answersTo(contradicting()), allowed: ['400'] },
  {
    what: 'bodies of countless parameters, tensors, dimensions or levels',
    send: () => answersTo(countless()),
    allowed: ['400'],
  },
  { what: 'messages of gRPC with countless fields', send: messages, allowed: ['INVALID_ARGUMENT'] },
  {
    what: 'bodies beyond their bound, also once decompressed',
    send: () => answersTo(oversized()),
    allowed: ['413'],
  },
  { what: 'bytes that are no HTTP', send: () => answersTo(noHttp()), allowed: ['400'] },
  { what: 'bodies while half-sent ones fill `server.maxBufferedBytes`', send: halfSent, allowed: ['503'] },
  { what: 'connections beyond `server.maxConnections`', send: connections, allowed: ['503'] },
  { what: 'streams beyond `server.maxEventStreams`', send: streams, allowed: ['503'] },
  { what: 'settings whose section is no mapping', send: settings, allowed: ['CONFIG_INVALID'] },
];

function row(what: string, outcomes: readonly string[]): string {
  const counts = new Map<string, number>();
  for (const outcome of outcomes) counts.set(outcome, (counts.get(outcome) ?? 0) + 1);
  const became = [...counts].sort().map(([outcome, count]) => `${count} × ${outcome}`);
  return `| ${what} | ${outcomes.length} | ${became.join(', ')} |`;
}

const rows: string[] = [];

it.each(KINDS)('$what: refused, and the server serves on', async ({ what, send, allowed }) => {
  const outcomes = await send();
  rows.push(row(what, outcomes));
  expect(outcomes.length).toBeGreaterThan(0);
  expect([...new Set(outcomes)].filter((outcome) => !allowed.includes(outcome))).toEqual([]);
  let live = await answerTo(head('GET', '/v2/health/live'));
  while (live === '503') live = await answerTo(head('GET', '/v2/health/live'));
  expect(live).toBe('200');
});

it('the table is what docs/security.md says', () => {
  const table = ['| sent | how many | what became of them |', '|---|---|---|', ...rows].join('\n');
  console.log(table);
  const block = /<!-- hostile -->\n[\s\S]*<!-- \/hostile -->/;
  const expected = `<!-- hostile -->\n${table}\n<!-- /hostile -->`;
  const page = readFileSync(PAGE, 'utf8');
  if (process.env.UPDATE_SECURITY === '1')
    writeFileSync(
      PAGE,
      page.replace(block, () => expected),
    );
  expect(readFileSync(PAGE, 'utf8')).toContain(expected);
});
