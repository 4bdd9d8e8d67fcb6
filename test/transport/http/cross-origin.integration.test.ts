import { afterEach, describe, expect, it } from 'vitest';
import type { ConfigInput } from '../../../src/config/schema.ts';
import { RepositoryLab, times } from '../../models/repository/repository-lab.ts';

const LISTED = 'https://app.example';
const OTHER = 'https://elsewhere.example';
const CONTROL = 'control-token';

let lab: RepositoryLab;
const open = async (settings: ConfigInput) => {
  lab = await RepositoryLab.open({ 'm/1': times(2) }, settings);
};
afterEach(() => lab.close());

async function ask(method: string, path: string, headers: Record<string, string>, body?: object) {
  const { port } = lab;
  const answer = await fetch(`http://127.0.0.1:${port}${path}`, {
    method,
    headers,
    ...(body && { body: JSON.stringify(body) }),
  });
  await answer.arrayBuffer();
  return {
    status: answer.status,
    allowed: answer.headers.get('access-control-allow-origin'),
    methods: answer.headers.get('access-control-allow-methods'),
    credentials: answer.headers.get('access-control-allow-credentials'),
    vary: answer.headers.get('vary'),
  };
}

const INPUTS = { inputs: [{ name: 'x', datatype: 'FP32', shape: [1], data: [1] }] };
const INFER = '/v2/models/m/infer';
const preflight = (origin: string, path = INFER, method = 'POST') =>
  ask('OPTIONS', path, { origin, 'access-control-request-method': method });

describe('pages of other origins', () => {
  it('get no header unless they are listed', async () => {
    await open({});
    expect(await ask('POST', INFER, { origin: LISTED }, INPUTS)).toMatchObject({
      status: 200,
      allowed: null,
    });
    expect(await preflight(LISTED)).toMatchObject({ status: 405, allowed: null, methods: null });
  });

  it('that are listed read answers and errors alike; others do not', async () => {
    await open({ server: { corsOrigins: [LISTED] } });
    expect(await preflight(LISTED)).toEqual({
      status: 204,
      allowed: LISTED,
      methods: 'GET, HEAD, POST, PUT',
      credentials: null,
      vary: 'Origin',
    });
    for (const [method, path, body, status] of [
      ['POST', INFER, INPUTS, 200],
      ['POST', INFER, {}, 400],
      ['GET', '/v2/models/none', undefined, 404],
      ['GET', '/metrics', undefined, 200],
    ] as const) {
      expect(await ask(method, path, { origin: LISTED }, body)).toMatchObject({ status, allowed: LISTED });
      const other = await ask(method, path, { origin: OTHER }, body);
      expect(other).toMatchObject({ status, allowed: null });
      expect(other.vary).toContain('Origin');
    }
    expect(await preflight(OTHER)).toMatchObject({ status: 405, allowed: null });
  });

  it('that are listed change nothing without the control token', async () => {
    await open({ server: { corsOrigins: [LISTED] } });
    const put = await ask('PUT', '/v2/models/m/pruning', { origin: LISTED }, { mode: 'off' });
    expect(put.status).toBe(403);
    expect((await ask('POST', '/v2/repository/models/m/unload', { origin: LISTED })).status).toBe(403);
    await lab.close();
    await open({ server: { corsOrigins: [LISTED] }, control: { token: CONTROL } });
    expect((await ask('PUT', '/v2/models/m/pruning', { origin: LISTED }, { mode: 'off' })).status).toBe(401);
    const headers = { origin: LISTED, authorization: `Bearer ${CONTROL}` };
    expect(await ask('PUT', '/v2/models/m/pruning', headers, { mode: 'off' })).toMatchObject({
      status: 200,
      allowed: LISTED,
    });
  });

  it('may send the header that names a stream, where one is configured', async () => {
    const allowedHeaders = async () => {
      const headers = { origin: LISTED, 'access-control-request-method': 'POST' };
      const answer = await fetch(`http://127.0.0.1:${lab.port}${INFER}`, { method: 'OPTIONS', headers });
      return answer.headers.get('access-control-allow-headers')!.split(', ');
    };
    await open({ server: { corsOrigins: [LISTED] } });
    const plain = await allowedHeaders();
    await lab.close();
    await open({ server: { corsOrigins: [LISTED] }, sampling: { sequenceHeader: 'X-Camera' } });
    expect(await allowedHeaders()).toEqual([...plain, 'X-Camera']);
  });

  it('need no token for a preflight, and one for the rest', async () => {
    await open({ server: { corsOrigins: [LISTED], token: 'data-token' } });
    expect((await preflight(LISTED)).status).toBe(204);
    expect(await ask('POST', INFER, { origin: LISTED }, INPUTS)).toMatchObject({
      status: 401,
      allowed: LISTED,
    });
  });
});
