import { get } from 'node:http';
import { gunzipSync, inflateSync } from 'node:zlib';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { RepositoryLab, times } from '../../models/repository/repository-lab.ts';

let lab: RepositoryLab;
beforeAll(async () => {
  lab = await RepositoryLab.open({ 'm/1': times(2) });
});
afterAll(() => lab.close());

const asIs = (body: Buffer) => body;

it.each([
  [undefined, undefined, asIs],
  ['identity', undefined, asIs],
  ['gzip;q=0', undefined, asIs],
  ['gzip', 'gzip', gunzipSync],
  ['br, deflate', 'deflate', inflateSync],
])('/metrics for Accept-Encoding %s comes as %s', async (accepted, encoding, decode) => {
  const headers = accepted === undefined ? {} : { 'accept-encoding': accepted };
  const { found, type, body } = await new Promise<{ found?: string; type?: string; body: Buffer }>(
    (resolve) => {
      get({ port: lab.port, host: '127.0.0.1', path: '/metrics', headers, agent: false }, (response) => {
        const pieces: Buffer[] = [];
        response.on('data', (piece: Buffer) => pieces.push(piece));
        response.on('end', () => {
          const { 'content-encoding': found, 'content-type': type } = response.headers;
          resolve({ ...(found && { found }), ...(type && { type }), body: Buffer.concat(pieces) });
        });
      });
    },
  );
  expect(found).toBe(encoding);
  expect(type).toContain('text/plain');
  expect(decode(body).toString()).toContain('taustat_model_ready{model="m"} 1');
});
