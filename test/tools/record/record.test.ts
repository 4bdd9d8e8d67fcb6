import { unzipSync } from 'fflate';
import { afterEach, expect, it, vi } from 'vitest';
import type { NumberedRequest } from '../../../src/protocol/npz.ts';
import { record } from '../../../src/tools/record/record.ts';
import { createPruningRoutes } from '../../../src/transport/http/pruning-routes.ts';
import { FakePruningPlane } from '../../transport/http/fake-pruning-plane.ts';

afterEach(() => vi.unstubAllGlobals());

/** Kept requests with some inputs each, and the queries that they are asked for with. */
function serving(count: number, inputs: number): string[] {
  const kept = Array.from(
    { length: count },
    (_, number): NumberedRequest => ({
      number,
      inputs: Array.from({ length: inputs }, (_, i) => ({
        name: `x${i}`,
        datatype: 'INT8',
        shape: [1],
        elements: Int8Array.of(number),
      })),
    }),
  );
  const routes = createPruningRoutes(Object.assign(new FakePruningPlane(), { kept }), undefined);
  const queries: string[] = [];
  vi.stubGlobal('fetch', (url: string) => {
    queries.push(new URL(url).search);
    return routes.request(url);
  });
  return queries;
}

const ASKED = { url: 'http://127.0.0.1:8080', model: 'm', waitSeconds: 0 };

it('asks for what it still needs, in portions, at once where there is more', async () => {
  const queries = serving(1500, 1);
  const { requests, bytes } = await record({ ...ASKED, requests: 1200 });
  expect(queries).toEqual(['?from=0&limit=1000', '?from=1000&limit=200']);
  const files = Object.keys(unzipSync(bytes));
  expect([requests, files.length, files.at(-1)]).toEqual([1200, 1200, '1199/x0.npy']);
});

it('takes no more arrays than an archive counts', async () => {
  serving(80, 1000);
  const { requests, bytes } = await record({ ...ASKED, waitSeconds: 60, requests: 80 });
  expect([requests, Object.keys(unzipSync(bytes)).length]).toEqual([65, 65_000]);
});
