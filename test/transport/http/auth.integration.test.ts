import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { credentials, Metadata, status } from '@grpc/grpc-js';
import { Hono } from 'hono';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ConfigInput, createTaustat, type Taustat } from '../../../src/index.ts';
import { type Listening, listen } from '../../../src/transport/http/server.ts';
import { RepositoryLab, times } from '../../models/repository/repository-lab.ts';
import { OracleClient } from '../grpc/oracle.ts';
import { type Answer, send } from './socket-client.ts';

const DATA = 'data-plane-secret';
const CONTROL = 'control-plane-secret';

const INFER = { inputs: [{ name: 'x', datatype: 'FP32', shape: [1], data: [1] }] };
const ENDPOINTS = {
  live: ['GET', '/v2/health/live'],
  ready: ['GET', '/v2/health/ready'],
  page: ['GET', '/'],
  script: ['GET', '/console/console.js'],
  server: ['GET', '/v2'],
  model: ['GET', '/v2/models/m'],
  modelReady: ['GET', '/v2/models/m/ready'],
  statistics: ['GET', '/v2/models/m/stats'],
  infer: ['POST', '/v2/models/m/infer', JSON.stringify(INFER)],
  index: ['POST', '/v2/repository/index'],
  report: ['GET', '/v2/models/m/pruning'],
  metrics: ['GET', '/metrics'],
  setMode: ['PUT', '/v2/models/m/pruning', '{"mode":"observe"}'],
  load: ['POST', '/v2/repository/models/m/load'],
  nothing: ['GET', '/v2/nothing'],
} as const;
type Endpoint = keyof typeof ENDPOINTS;

const OPEN: readonly Endpoint[] = ['live', 'ready', 'page', 'script'];
const CONTROLS: readonly Endpoint[] = ['setMode', 'load'];
const ALL = Object.keys(ENDPOINTS) as Endpoint[];

let lab: RepositoryLab | undefined;

async function serving(
  settings: ConfigInput,
  use: (ask: (endpoint: Endpoint, headers?: Record<string, string>) => Promise<Answer>) => Promise<void>,
) {
  lab = await RepositoryLab.open({ 'm/1': times(2) }, settings);
  const { port } = lab;
  try {
    await use((endpoint, headers = {}) => {
      const [method, path, body = ''] = ENDPOINTS[endpoint];
      return send(port, { method, path, body, headers: { Host: `127.0.0.1:${port}`, ...headers } });
    });
  } finally {
    await lab.close();
  }
}

const bearer = (token: string) => ({ Authorization: `Bearer ${token}` });
const fine = (endpoint: Endpoint) => (endpoint === 'nothing' ? 404 : 200);

describe('who may do what', () => {
  it('without tokens: everybody everything, from this machine', async () => {
    await serving({}, async (ask) => {
      for (const endpoint of ALL)
        expect([endpoint, (await ask(endpoint)).status]).toEqual([endpoint, fine(endpoint)]);
    });
  });

  it('with a data token: nobody anything but health and the page without it; changes from loopback in addition', async () => {
    await serving({ server: { token: DATA } }, async (ask) => {
      for (const endpoint of ALL) {
        const isOpen = OPEN.includes(endpoint);
        for (const headers of [{}, bearer('wrong'), bearer(`${DATA}x`), { 'X-API-Key': 'wrong' }]) {
          const { status, headers: answered, body } = await ask(endpoint, headers);
          expect([endpoint, status]).toEqual([endpoint, isOpen ? 200 : 401]);
          if (isOpen) continue;
          expect(answered['www-authenticate']).toBe('Bearer realm="taustat"');
          expect(JSON.parse(body.toString())).toEqual({ error: 'a bearer token or an API key is needed' });
        }
        for (const headers of [bearer(DATA), { 'X-API-Key': DATA }, { authorization: `bearer ${DATA}` }])
          expect([endpoint, (await ask(endpoint, headers)).status]).toEqual([endpoint, fine(endpoint)]);
      }
      const foreign = { ...bearer(DATA), Origin: 'https://evil.example' };
      for (const endpoint of CONTROLS) expect((await ask(endpoint, foreign)).status).toBe(403);
    });
  });

  it('with a control token: changes with it only, everything else as before', async () => {
    await serving({ control: { token: CONTROL } }, async (ask) => {
      for (const endpoint of ALL) {
        const status = CONTROLS.includes(endpoint) ? 401 : fine(endpoint);
        expect([endpoint, (await ask(endpoint)).status]).toEqual([endpoint, status]);
        expect((await ask(endpoint, bearer(CONTROL))).status).toBe(fine(endpoint));
      }
    });
  });

  it('with both: the data token changes nothing, the control token opens everything', async () => {
    await serving({ server: { token: DATA }, control: { token: CONTROL } }, async (ask) => {
      for (const endpoint of ALL) {
        const isOpen = OPEN.includes(endpoint);
        const isControl = CONTROLS.includes(endpoint);
        expect([endpoint, (await ask(endpoint)).status]).toEqual([endpoint, isOpen ? 200 : 401]);
        const withData = isControl ? 401 : fine(endpoint);
        expect([endpoint, (await ask(endpoint, bearer(DATA))).status]).toEqual([endpoint, withData]);
        expect([endpoint, (await ask(endpoint, bearer(CONTROL))).status]).toEqual([endpoint, fine(endpoint)]);
      }
    });
  });

  it('`telemetry.openMetrics` opens the metrics and nothing else', async () => {
    await serving({ server: { token: DATA }, telemetry: { openMetrics: true } }, async (ask) => {
      for (const endpoint of ALL) {
        const isOpen = [...OPEN, 'metrics'].includes(endpoint);
        expect([endpoint, (await ask(endpoint)).status]).toEqual([endpoint, isOpen ? 200 : 401]);
      }
    });
  });
});

describe('over gRPC', () => {
  it('the same tokens are asked for, except for the health of the server', async () => {
    const tokens = { server: { token: DATA }, control: { token: CONTROL } };
    const open = await RepositoryLab.open({ 'm/1': times(2) }, tokens);
    const listening = await open.taustat.listenGrpc({ port: 0 });
    const client = new OracleClient(listening.address, credentials.createInsecure());
    const call = (method: string, header?: readonly [string, string]) => {
      const metadata = new Metadata();
      if (header !== undefined) metadata.set(...header);
      const { promise, settle } = settled();
      (client as unknown as Record<string, (...call: unknown[]) => void>)[method]!(
        { name: 'm' },
        metadata,
        settle,
      );
      return promise;
    };
    for (const method of ['ServerLive', 'ServerReady']) expect(await call(method)).toBe(status.OK);
    for (const method of ['ServerMetadata', 'ModelReady', 'ModelMetadata']) {
      expect(await call(method)).toBe(status.UNAUTHENTICATED);
      expect(await call(method, ['authorization', 'Bearer wrong'])).toBe(status.UNAUTHENTICATED);
      expect(await call(method, ['authorization', `Bearer ${DATA}`])).toBe(status.OK);
      expect(await call(method, ['x-api-key', DATA])).toBe(status.OK);
      expect(await call(method, ['authorization', `Bearer ${CONTROL}`])).toBe(status.OK);
    }
    client.close();
    await listening.stop(0);
    await open.close();
  });
});

/** The status of a call as a promise. */
function settled() {
  let settle: (error: { code: status } | null) => void = () => undefined;
  const promise = new Promise<status>((resolve) => {
    settle = (error) => resolve(error?.code ?? status.OK);
  });
  return { promise, settle };
}

describe('mounted in somebody’s application', () => {
  let taustat: Taustat;
  let server: Listening;
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'taustat-'));
    taustat = await createTaustat({
      model: { repository: folder },
      server: { token: DATA },
      telemetry: { logLevel: 'silent' },
    });
    const app = new Hono();
    app.route('/', taustat.routes as never);
    app.get('/hello', (context) => context.text('mine'));
    server = await listen(app as never, { host: '127.0.0.1', port: 0 });
  });
  afterAll(async () => {
    await server.stop(0);
    await taustat.close();
    await rm(folder, { recursive: true });
  });

  it('the token is asked for by what is ours alone', async () => {
    const status = async (path: string) => (await fetch(server.url + path)).status;
    expect(await status('/hello')).toBe(200);
    expect([await status('/v2'), await status('/v2/models/m'), await status('/metrics')]).toEqual([
      401, 401, 401,
    ]);
    expect(await status('/v2/health/ready')).toBe(200);
  });
});
