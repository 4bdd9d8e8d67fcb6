import { Readable } from 'node:stream';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { hasBearerToken, matchesSecret } from '../../../src/plane/authorization.ts';
import { createPruningRoutes } from '../../../src/transport/http/pruning-routes.ts';
import { createRepositoryRoutes } from '../../../src/transport/http/repository-routes.ts';
import { FakePruningPlane } from './fake-pruning-plane.ts';
import { FakeRepositoryPlane } from './fake-repository-plane.ts';

describe('a bearer token', () => {
  it.each([
    ['Bearer secret-token', true],
    ['bearer secret-token', true],
    ['Bearer  secret-token ', true],
    ['Bearer secret-token2', false],
    ['Bearer secret-toke', false],
    ['Bearer', false],
    ['Bearer ', false],
    ['Basic secret-token', false],
    ['secret-token', false],
    ['', false],
    [undefined, false],
  ])('in %j is %s', (header, isIt) => {
    expect(hasBearerToken(header, 'secret-token')).toBe(isIt);
  });

  it('is equal to itself alone', () => {
    const token = fc.string({ minLength: 1, unit: 'grapheme-ascii' });
    fc.assert(fc.property(token, token, (a, b) => matchesSecret(a, b) === (a === b)));
  });
});

/** What changes the server, by what answers it. */
const CHANGES = {
  pruning: (headers: Record<string, string>, remoteAddress?: string) =>
    change('PUT', '/v2/models/m/pruning', headers, remoteAddress),
  load: (headers: Record<string, string>, remoteAddress?: string) =>
    change('POST', '/v2/repository/models/fixed/load', headers, remoteAddress),
  unload: (headers: Record<string, string>, remoteAddress?: string) =>
    change('POST', '/v2/repository/models/fixed/unload', headers, remoteAddress),
};

async function change(
  method: string,
  path: string,
  headers: Record<string, string>,
  remoteAddress = '127.0.0.1',
) {
  const [pruning, repository] = [new FakePruningPlane(), new FakeRepositoryPlane()];
  const routes = createPruningRoutes(pruning, undefined);
  routes.route('/', createRepositoryRoutes(repository, undefined));
  const body = method === 'PUT' ? '{"mode":"off"}' : '{}';
  const incoming = Object.assign(Readable.from([Buffer.from(body)]), { socket: { remoteAddress } });
  const response = await routes.request(path, { method, headers, body }, { incoming });
  const isDone = pruning.mode === 'off' || repository.told.length > 0;
  expect(isDone).toBe(response.status === 200);
  return response.status;
}

describe.each(Object.entries(CHANGES))('without a token, %s', (_what, ask) => {
  it.each([
    ['curl', { host: '127.0.0.1:8080' }],
    ['curl by name', { host: 'localhost:8080' }],
    ['curl over IPv6', { host: '[::1]:8080' }],
    [
      'the console',
      { host: 'localhost:8080', origin: 'http://localhost:8080', 'sec-fetch-site': 'same-origin' },
    ],
    ['an address that was typed in', { host: 'localhost', 'sec-fetch-site': 'none' }],
  ])('is open to %s', async (_who, headers) => {
    expect(await ask(headers as Record<string, string>)).toBe(200);
  });

  it.each([
    ['a page of another site', { host: 'localhost:8080', origin: 'https://evil.example' }],
    ['a page of another port', { host: 'localhost:8080', origin: 'http://localhost:9999' }],
    ['a page without an origin', { host: 'localhost:8080', origin: 'null' }],
    ['an old browser’s page of another site', { host: 'localhost:8080', 'sec-fetch-site': 'cross-site' }],
    ['a page of a sibling site', { host: 'localhost:8080', 'sec-fetch-site': 'same-site' }],
    ['a name that resolves to loopback', { host: 'evil.example:8080', origin: 'http://evil.example:8080' }],
    ['a name that begins like this machine', { host: 'localhost.evil.example' }],
    ['a name that ends like this machine', { host: 'evil-localhost' }],
    ['who stands behind a proxy', { host: 'localhost:8080', 'x-forwarded-for': '203.0.113.7' }],
    ['who stands behind a standard proxy', { host: 'localhost:8080', forwarded: 'for=203.0.113.7' }],
  ])('is closed to %s', async (_who, headers) => {
    expect(await ask(headers as Record<string, string>)).toBe(403);
  });

  it.each([
    'via',
    'x-forwarded-host',
    'x-forwarded-proto',
    'x-forwarded-client-cert',
    'x-forwarded',
    'x-real-ip',
    'cf-connecting-ip',
    'true-client-ip',
    'x-client-ip',
    'x-envoy-external-address',
  ])('is closed to whoever is forwarded with %s', async (name) => {
    expect(await ask({ host: 'localhost:8080', [name]: '203.0.113.7' })).toBe(403);
  });

  it('is closed to another machine, whatever it says', async () => {
    expect(await ask({ host: 'localhost:8080' }, '10.0.0.7')).toBe(403);
  });
});
