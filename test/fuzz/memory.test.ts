import { expect, it } from 'vitest';
import { MAX_BYTES_PER_1000_REQUESTS } from './extent.ts';
import { MemoryReadings } from './memory.ts';

/** Heap growth over six readings of 5,000 requests that each keep `kept` things. */
function growthKeeping(kept: number): number {
  const held: object[] = [];
  const readings = new MemoryReadings();
  for (let requests = 1; requests <= 30_000; requests++) {
    for (let i = 0; i < kept; i++) held.push({ requests, text: `request ${requests}`, of: [requests, i] });
    if (requests % 5000 === 0) readings.take(requests);
  }
  expect(held).toHaveLength(30_000 * kept);
  return readings.growth().heapBytesPer1000Requests;
}

it('shows a leak of one small object per request, and nothing where nothing is kept', () => {
  expect(growthKeeping(0)).toBeLessThan(MAX_BYTES_PER_1000_REQUESTS);
  expect(growthKeeping(1)).toBeGreaterThan(MAX_BYTES_PER_1000_REQUESTS);
});
