import { beforeAll, describe, expect, it } from 'vitest';
import { MAX_BYTES_PER_1000_REQUESTS, print, REQUESTS, SEED } from './extent.ts';
import type { FuzzRequest } from './requests.ts';
import { type FuzzResult, fuzz, LEAST_REQUESTS_FOR_MEMORY } from './run.ts';
import { openTarget } from './target.ts';
import type { FuzzAnswer } from './verdict.ts';

describe('generated requests, through the application without a socket', () => {
  let result: FuzzResult;
  let reported: readonly unknown[];
  beforeAll(
    async () => {
      const target = await openTarget();
      const send = async ({ method, path, headers, body }: FuzzRequest): Promise<FuzzAnswer> => {
        const response = await target.app.request(path, {
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
      result = await fuzz({ seed: SEED, requests: REQUESTS, models: target.models, send });
      reported = target.reported;
      print('application', REQUESTS, result);
    },
    60_000 + REQUESTS * 5,
  );

  it('are answered or refused with a reason', () => {
    expect(result.complaints).toEqual([]);
    expect(reported).toEqual([]);
    expect(result.statuses[200]).toBeGreaterThan(REQUESTS / 10);
    expect(result.statuses[400]).toBeGreaterThan(REQUESTS / 4);
  });

  it.runIf(REQUESTS >= LEAST_REQUESTS_FOR_MEMORY)('leave no memory behind', () => {
    expect(result.memory!.rssBytesPer1000Requests).toBeLessThan(MAX_BYTES_PER_1000_REQUESTS);
    expect(result.memory!.heapBytesPer1000Requests).toBeLessThan(MAX_BYTES_PER_1000_REQUESTS);
  });
});
