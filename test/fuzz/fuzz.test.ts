import { describe, expect, it } from 'vitest';
import { MAX_BYTES_PER_1000_REQUESTS, print, REQUESTS, SEED } from './extent.ts';
import type { FuzzRequest } from './requests.ts';
import { fuzz } from './run.ts';
import { openTarget } from './target.ts';
import type { FuzzAnswer } from './verdict.ts';

describe('generated requests, through the application without a socket', () => {
  it(
    'are answered or refused with a reason',
    async () => {
      const { app, models, reported } = await openTarget();
      const send = async ({ method, path, headers, body }: FuzzRequest): Promise<FuzzAnswer> => {
        const response = await app.request(path, {
          method,
          headers,
          ...(method === 'GET' || method === 'HEAD' ? {} : { body: Uint8Array.from(body) }),
        });
        return {
          status: response.status,
          contentType: response.headers.get('content-type'),
          headerLength: response.headers.get('inference-header-content-length'),
          body: new Uint8Array(await response.arrayBuffer()),
        };
      };
      const result = await fuzz({ seed: SEED, requests: REQUESTS, models, send });
      print('application', REQUESTS, result);
      expect(result.complaints).toEqual([]);
      expect(reported).toEqual([]);
      expect(result.statuses[200]).toBeGreaterThan(REQUESTS / 10);
      expect(result.statuses[400]).toBeGreaterThan(REQUESTS / 4);
      const { rssBytesPer1000Requests, heapBytesPer1000Requests } = result.memory;
      expect(rssBytesPer1000Requests ?? 0).toBeLessThan(MAX_BYTES_PER_1000_REQUESTS);
      expect(heapBytesPer1000Requests ?? 0).toBeLessThan(MAX_BYTES_PER_1000_REQUESTS);
    },
    60_000 + REQUESTS * 5,
  );
});
