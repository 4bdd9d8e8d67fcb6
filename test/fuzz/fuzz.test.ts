import { describe, expect, it } from 'vitest';
import type { FuzzRequest } from './requests.ts';
import { fuzz, setting } from './run.ts';
import { openTarget } from './target.ts';
import type { FuzzAnswer } from './verdict.ts';

const REQUESTS = setting('FUZZ_REQUESTS', 4000);
const SEED = setting('FUZZ_SEED', 1);

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
      console.log(`seed ${SEED}, ${REQUESTS} requests: ${JSON.stringify(result)}`);
      expect(reported).toEqual([]);
      expect(result.statuses[200]).toBeGreaterThan(REQUESTS / 10);
      expect(result.statuses[400]).toBeGreaterThan(REQUESTS / 4);
    },
    60_000 + REQUESTS * 5,
  );
});
